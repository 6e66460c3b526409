// Long polls for desired states: parked by node, woken by the doorbell, bounded in time and number. A lost wake-up
// costs one poll period; a stale answer costs nothing, because nothing is started without a confirm (rule 12).
import { systemTimers, type Timers } from '../../shared/clock.ts'

type Parked = () => void

export class DesiredPolls {
  private readonly parked = new Map<string, Set<Parked>>()
  private count = 0
  private closed = false
  private readonly most: number
  private readonly timers: Timers

  constructor(most = 20_000, timers: Timers = systemTimers) {
    this.most = most
    this.timers = timers
  }

  get size(): number {
    return this.count
  }

  get isFull(): boolean {
    return this.count >= this.most
  }

  /** Waits until the node is woken, `waitMs` have passed, or `signal` aborts. */
  park(nodeUid: string, waitMs: number, signal: AbortSignal): Promise<'woken' | 'over'> {
    if (this.closed || signal.aborted || waitMs <= 0) return Promise.resolve('over')
    return new Promise((resolve) => {
      const set = this.parked.get(nodeUid) ?? new Set<Parked>()
      this.parked.set(nodeUid, set)
      const leave = (why: 'woken' | 'over') => {
        this.timers.clear(timer)
        signal.removeEventListener('abort', onAbort)
        if (set.delete(wake)) this.count -= 1
        if (set.size === 0 && this.parked.get(nodeUid) === set) this.parked.delete(nodeUid)
        resolve(why)
      }
      const wake = () => leave(this.closed ? 'over' : 'woken')
      const onAbort = () => leave('over')
      const timer = this.timers.set(() => leave('over'), waitMs)
      signal.addEventListener('abort', onAbort, { once: true })
      set.add(wake)
      this.count += 1
    })
  }

  wake(nodeUids: Iterable<string>) {
    for (const uid of nodeUids) for (const wake of [...(this.parked.get(uid) ?? [])]) wake()
  }

  /** After a gap in which doorbells may have been lost: everyone looks again. */
  wakeAll() {
    this.wake([...this.parked.keys()])
  }

  /** Answers every parked poll at once, so that the server can end. */
  close() {
    this.closed = true
    this.wakeAll()
  }
}
