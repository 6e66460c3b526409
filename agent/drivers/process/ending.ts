// Ending all processes of a service: SIGTERM to each, or one word to what runs them, and SIGKILL at the timeout.
import type { Clock } from '../../../shared/clock.ts'
import { type Ending, endForCertain } from '../ending-loop.ts'
import { sendSignal } from '../send-signal.ts'
import type { Group } from './members.ts'

export type EndingDeps = {
  clock: Clock
  /** All groups of the service, of whatever generation; looked for in this turn of the event loop. */
  look(): Group[]
  killAtOnce(group: Group): void
  /** How it is asked to end, once; if not, each process by SIGTERM. */
  ask?(): void
}

export function endProcesses(deps: EndingDeps, timeoutMs: number): Ending {
  const asked = new Set<string>()
  let isAsked = false

  function press(group: Group, isLate: boolean): void {
    if (isLate) deps.killAtOnce(group)
    else if (deps.ask) {
      if (!isAsked) deps.ask()
      isAsked = true
      return
    }
    for (const { pid, startTime } of group.members) {
      const key = `${pid} ${startTime}`
      if (isLate) sendSignal(pid, 'SIGKILL')
      else if (!asked.has(key)) {
        asked.add(key)
        sendSignal(pid, 'SIGTERM')
        // One that is stopped would hear it only when it is continued.
        sendSignal(pid, 'SIGCONT')
      }
    }
  }

  return endForCertain<Group[]>(
    {
      clock: deps.clock,
      async look() {
        await nextTick()
        return deps.look()
      },
      isGone: (groups) => groups.length === 0,
      press(groups, lateMs) {
        for (const group of groups) press(group, lateMs >= 0)
      },
      describe: (groups) => `not gone after SIGKILL: ${pids(groups)}`,
      killPatienceMs: 5_000,
      pausesMs: { first: 5, longest: 100 },
    },
    timeoutMs,
  )
}

/** All that look in one turn of the event loop share one look; the next turn has its own. */
const nextTick = () => new Promise<void>((resolve) => setImmediate(resolve))

function pids(groups: Group[]): string {
  return groups.flatMap((group) => group.members.map((one) => one.pid)).join(' ')
}
