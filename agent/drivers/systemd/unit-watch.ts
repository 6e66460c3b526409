// Noticing that a running unit is down: its main process is looked at four times a second, which costs next to nothing, and
// what the manager says of it decides. A unit without a main process is asked about every second.
import { readProcess } from '../process/proc-table.ts'
import { type ProcessEntry } from '../process/proc-table.ts'
import { describeEnd, isUp, showUnits, type UnitState } from './unit-state.ts'

const lookEveryMs = 250
const askEveryMs = 1_000
/** The manager learns of the end of a process a moment after the kernel shows it. */
const askAgainMs = 30

export type WatchedUnit = { sid: string; unit: string; generation: number }

type Watched = WatchedUnit & { main: ProcessEntry | null; askAtMs: number }

export type UnitWatch = {
  add(unit: WatchedUnit, state: UnitState): void
  remove(sid: string): void
  list(): readonly WatchedUnit[]
  has(sid: string, generation: number): boolean
  end(): void
}

export function createUnitWatch(
  bootMs: () => number,
  ended: (unit: WatchedUnit, detail: string) => void,
): UnitWatch {
  const watched = new Map<string, Watched>()
  let timer: NodeJS.Timeout | null = null
  let isAsking = false

  function look(): void {
    timer = null
    const nowMs = bootMs()
    const due = [...watched.values()].filter((one) => isDue(one, nowMs))
    if (due.length > 0 && !isAsking) void ask(due)
    arm()
  }

  function arm(pauseMs = lookEveryMs): void {
    if (timer !== null) clearTimeout(timer)
    timer = watched.size === 0 ? null : setTimeout(look, pauseMs).unref()
  }

  async function ask(due: Watched[]): Promise<void> {
    isAsking = true
    try {
      const states = await showUnits(due.map(({ unit }) => unit))
      for (const [index, one] of due.entries()) settle(one, states[index] as UnitState)
    } catch {
      // The manager is busy, or going down: it is asked again, and a unit that is watched stays watched.
    } finally {
      isAsking = false
    }
  }

  function settle(one: Watched, state: UnitState): void {
    if (watched.get(one.sid) !== one) return
    if (!isUp(state)) {
      watched.delete(one.sid)
      return ended(one, describeEnd(state))
    }
    const main = mainOf(state)
    // Active, and its main process gone or not yet another: the manager is about to say more.
    if (state.mainPid !== 0 && main === null) return arm(askAgainMs)
    one.main = main
    one.askAtMs = bootMs() + askEveryMs
  }

  return {
    add(unit, state) {
      watched.set(unit.sid, { ...unit, main: mainOf(state), askAtMs: bootMs() + askEveryMs })
      if (timer === null) arm()
    },
    remove: (sid) => void watched.delete(sid),
    list: () => [...watched.values()],
    has: (sid, generation) => watched.get(sid)?.generation === generation,
    end() {
      watched.clear()
      arm()
    },
  }
}

function mainOf({ mainPid }: UnitState): ProcessEntry | null {
  return mainPid === 0 ? null : readProcess(mainPid)
}

function isDue({ main, askAtMs }: Watched, nowMs: number): boolean {
  if (main === null) return nowMs >= askAtMs
  try {
    return readProcess(main.pid)?.startTime !== main.startTime
  } catch {
    return false // cannot be looked at just now
  }
}
