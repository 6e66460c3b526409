// Monitors of one resource, one after the other: one that hangs is killed with its process group at its timeout, and while
// that has not ended it, no other is begun. So however often a resource is looked at, one process group asks.
import type { Clock } from '../../../shared/clock.ts'
import type { CommandResult } from '../run-command.ts'

/** Runs one; `gone` is to be called when nothing of its program is left, which may be long after its result. */
export type RunOne = (gone: () => void) => Promise<CommandResult>

export type OneAtATime = (key: string, timeoutMs: number, run: RunOne) => Promise<CommandResult>

/** @returns what runs one monitor of the resource `key`, or gives up after having waited `timeoutMs` for the one before */
export function oneAtATime(clock: Pick<Clock, 'quickMs'>): OneAtATime {
  const inFlight = new Map<string, Promise<void>>()
  return async (key, timeoutMs, run) => {
    const untilMs = clock.quickMs() + timeoutMs
    for (let before = inFlight.get(key); before; before = inFlight.get(key))
      if (!(await within(before, untilMs - clock.quickMs()))) return givenUp
    const { promise, resolve } = Promise.withResolvers<void>()
    inFlight.set(
      key,
      promise.then(() => void inFlight.delete(key)),
    )
    return run(resolve)
  }
}

const givenUp: CommandResult = {
  ...{ code: null, isTimeout: true, stdout: '' },
  stderr: 'the monitor before has not ended',
}

function within(ended: Promise<void>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms)
    void ended.then(() => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}
