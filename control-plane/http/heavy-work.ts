// Work that would keep a replica's one thread busy for long: played futures, replays. One at a time, in steps between
// which renewals and everything else get their turn; a few may wait, the rest is told to come again.
import { setImmediate } from 'node:timers/promises'
import { ProblemError } from './errors.ts'

/** Each holds a view in memory. */
const mostWaiting = 4
/** Counted while it runs; waiting for its turn comes on top. */
const longestMs = 20_000

export type HeavyWork = {
  run<T>(steps: Generator<undefined, T, undefined>): Promise<T>
  /** What is one step only. */
  once<T>(step: () => T): Promise<T>
}

/** One lane of a replica. */
export function heavyWork(clock: { bootMs(): number }): HeavyWork {
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  async function play<T>(steps: Generator<undefined, T, undefined>): Promise<T> {
    const untilMs = clock.bootMs() + longestMs
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
      if (clock.bootMs() > untilMs)
        throw new ProblemError(503, 'busy', 'this replica is too busy to work that out now')
      await setImmediate()
    }
  }

  const lane: HeavyWork = {
    async run(steps) {
      if (waiting >= mostWaiting)
        throw new ProblemError(503, 'busy', 'others are asking for such work: try again', {
          headers: { 'retry-after': '2' },
        })
      waiting += 1
      const turn = last
      const done = turn.then(() => play(steps))
      last = done.catch(() => undefined)
      try {
        return await done
      } finally {
        waiting -= 1
      }
    },
    once: (step) => lane.run(single(step)),
  }
  return lane
}

function* single<T>(step: () => T): Generator<undefined, T, undefined> {
  yield
  return step()
}
