// Steps of live moves: orders for either half, and agents in the middle of one.
import { expect } from 'vitest'
import type { JournaledMove } from '../../agent/lrm/decide/remembered.ts'
import type { MoveHalf } from '../../shared/live-move.ts'
import type { Desired, Order } from '../../shared/protocol.ts'
import { desired, generation, order, resumed, sid, Steps } from './steps.ts'

export const source = (move: Partial<MoveHalf> = {}, more: Partial<Order> = {}): Order =>
  order({
    ...{ state: 'migrate', uid: 'u2', target: 'n2', ...more },
    move: {
      ...{ role: 'source', peer: 'n2', address: 'n2:7', cancel: false, timeoutMs: 60_000 },
      ...move,
    },
  })

export const incoming = 9
export const target = (more: Partial<Order> = {}): Order =>
  source({ role: 'target', peer: 'n1', address: null }, { generation: incoming, ...more })

let revision = 10

/** The newest revision given, and the next. */
export const newest = () => revision
export const nextRevision = () => ++revision

/** New orders, and a renewal that shows that they are the newest. */
export function give(steps: Steps, ...services: Order[]): void {
  revised(steps, services)
}

/** The same, in a document that differs in more. */
export function revised(steps: Steps, services: Order[], more: Partial<Desired> = {}): void {
  revision += 1
  // The renewal in flight is still to be answered.
  steps.all = steps.all.filter(({ kind }) => kind === 'renew').slice(-1)
  steps.orders(desired(services, { revision, ...more }))
  for (let i = 0; i < 4 && steps.lrm.renewal.inFlight; i++) steps.grant({ revision })
}

export function moving(): Steps {
  const steps = Steps.running()
  give(steps, source())
  expect(steps.last('migrate')).toMatchObject({ sid, generation, uid: 'u2', address: 'n2:7' })
  return steps
}

export const answers = (steps: Steps) => steps.lrm.journal.answers
export const journaled = (steps: Steps): JournaledMove | undefined => steps.lrm.journal.moving[sid]
export const report = (steps: Steps) => steps.last('renew')!.request
export const ended = (
  left: 'running' | 'nothing' | 'sent' | 'unknown',
  outcome: 'ok' | 'error' = 'error',
  uid = 'u2',
) => ({ kind: 'migrated', sid, generation, uid, outcome, detail: outcome, left }) as const

/** A target whose half is confirmed and opened. */
export function receiving(): Steps {
  const steps = new Steps(resumed({ journal: { started: {} } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  give(steps, target())
  expect(steps.last('receive')).toMatchObject({ sid, generation: incoming, from: 'n1' })
  return steps
}

export const listening = {
  kind: 'receiving',
  sid,
  generation: incoming,
  outcome: 'ok',
  detail: '',
  address: 'a',
} as const
