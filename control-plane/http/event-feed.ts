// Tells waiting requests of this replica that something happened in a cluster: one LISTEN for all of them.
// A notification carries no facts and may be lost; whoever waits looks again by itself every second.
import type { HttpDeps } from './deps.ts'

export type EventFeed = {
  /** Resolves at the next event of the cluster, after `atMostMs`, or when `signal` ends. */
  next(clusterId: number, atMostMs: number, signal: AbortSignal): Promise<void>
}

/** Opens its LISTEN connection with the first request that waits. */
export function eventFeed(deps: HttpDeps): EventFeed {
  const waiting = new Map<number, Set<() => void>>()
  let listening: Promise<unknown> | null = null

  const wake = (clusterId: number) => {
    const set = waiting.get(clusterId)
    waiting.delete(clusterId)
    for (const call of set ?? []) call()
  }
  const wakeAll = () => {
    for (const clusterId of waiting.keys()) wake(clusterId)
  }
  const listen = () =>
    deps.sql
      .listen(
        'holdfast_events',
        (payload) => wake(Number.parseInt(payload, 10)),
        // A new connection may have missed some: everybody looks.
        wakeAll,
      )
      .catch((cause: unknown) => {
        listening = null
        deps.log.warn({ err: cause }, 'no event notifications: looking every second instead')
      })

  return {
    next(clusterId, atMostMs, signal) {
      listening ??= listen()
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          waiting.get(clusterId)?.delete(done)
          resolve()
        }
        const timer = setTimeout(done, atMostMs)
        signal.addEventListener('abort', done, { once: true })
        const set = waiting.get(clusterId) ?? new Set()
        waiting.set(clusterId, set.add(done))
        if (signal.aborted) done()
      })
    },
  }
}
