// Ending a unit for certain: asked to stop, its cgroup killed at the timeout, until it is down, with no job of it queued and
// no process of it left.
import type { Clock } from '../../../shared/clock.ts'
import { type Ending, endForCertain } from '../ending-loop.ts'
import { sendSignal } from '../send-signal.ts'
import { processesBelow, unitCgroup } from './unit-cgroup.ts'
import { isDown, showUnit, systemctl, type UnitState } from './unit-state.ts'

export type UnitEndingDeps = {
  clock: Clock
  /** Whether a client of this process that asks for a start has yet to answer. */
  isStarting(): boolean
}

type Look = { state: UnitState; left: number[] }

export function endUnit(unit: string, deps: UnitEndingDeps, timeoutMs: number): Ending {
  const asked = new Set<number>()
  let isAsked = false

  async function look(): Promise<Look> {
    const state = await showUnit(unit)
    return { state, left: processesBelow(unitCgroup(state)) }
  }

  async function press({ state, left }: Look, lateMs: number): Promise<void> {
    // A stop takes the place of a start that is queued or under way.
    const isStopping = state.active === 'deactivating'
    if (!isDown(state) && !isStopping) await systemctl(['stop', ...how(state), '--', unit])
    // Of a unit that is down nobody else sees to what it left behind.
    for (const pid of left)
      if (lateMs >= 0) sendSignal(pid, 'SIGKILL')
      else if (isDown(state) && !asked.has(pid)) {
        asked.add(pid)
        sendSignal(pid, 'SIGTERM')
      }
  }

  /**
   * While the agent's own unit is being stopped, a stop of one that comes before it would wait for that: a job that does
   * not begin is put in again, to be done at once.
   */
  function how({ hasJob }: UnitState): string[] {
    const isStuck = isAsked && hasJob
    isAsked = true
    return isStuck ? ['--no-block', '--job-mode=ignore-dependencies'] : ['--no-block']
  }

  return endForCertain<Look>(
    {
      clock: deps.clock,
      ...{ look, press },
      isGone: ({ state, left }) => isDown(state) && left.length === 0 && !deps.isStarting(),
      describe: ({ state, left }) => `${describe(state)}, left: ${left.join(' ')}`,
      killPatienceMs: 5_000,
      pausesMs: { first: 10, longest: 200, whenGone: true },
    },
    timeoutMs,
  )
}

const describe = ({ name, active, hasJob }: UnitState) =>
  `${name} is ${active}${hasJob ? ', with a job queued' : ''}`
