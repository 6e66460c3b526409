// How services may behave when a driver acts on them, and what it tells the world of it.
import type { DriverResult } from '../../agent/drivers/driver.ts'
import type { MoveManner } from './live-moves.ts'

/**
 * `fail`: nothing came of it. `crash`: it came up and fell over, and left something. `hang`: it comes true later.
 * `lie`: it runs, and is said to have failed. `boast`: the other way round.
 */
export type StartManner = 'ok' | 'fail' | 'crash' | 'hang' | 'lie' | 'boast' | 'wrong-node'

export type Behaviour = {
  start(sid: string): { manner: StartManner; ms: number; hangMs: number }
  /** How long it takes to end by itself, how late the answer comes, and whether it can be taken from here at all. */
  stop(sid: string): { ms: number; lateMs: number; isWrongNode: boolean }
  /** How a move away goes, how long it takes, and how much longer one that nobody waits for any more. */
  migrate(sid: string): { manner: MoveManner; ms: number; lateMs: number }
  surveyMs(): number
}

export type DriverAction = {
  sid: string
  generation: number
  action: 'start' | 'stop' | 'receive' | 'migrate'
  outcome: DriverResult['outcome']
  /** Of a stop: something of it ran. */
  wasThere?: boolean
  /** Of a move. */
  target?: string
}
