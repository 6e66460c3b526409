// Virtual time: a queue of events by (moment, order of asking). After each event everything that production code began
// by it settles before the next one; a real timer set meanwhile is a fault of whoever set it.

import { lightResponses } from './in-process.ts'
import { Tally } from './tally.ts'

export type Scheduled = { readonly atMs: number; cancelled: boolean }
type Entry = Scheduled & { order: number; run: () => void; isQuiet: boolean }

/** So many events are run in one turn of Node's loop: promises settle between any two immediates of a turn. */
const eventsPerTurn = 64
/** More events at one moment are a loop that never ends. */
const mostAtOnce = 20_000

export class Scheduler {
  /** True time, which no machine knows, in milliseconds since the world began. */
  nowMs = 0
  /** What has happened in it so far, for whoever wants to know whether anything did. */
  readonly tally = new Tally()
  /** Events run so far. */
  count = 0
  private readonly heap: Entry[] = []
  private order = 0
  private sameMoment = 0

  at(atMs: number, run: () => void, isQuiet = false): Scheduled {
    const entry: Entry = {
      ...{ atMs: Math.max(atMs, this.nowMs), order: this.order++, run, isQuiet, cancelled: false },
    }
    push(this.heap, entry)
    return entry
  }

  after(ms: number, run: () => void): Scheduled {
    return this.at(this.nowMs + Math.max(0, ms), run)
  }

  /** For what goes on inside the world only: no production code runs by it, so nothing has to settle. */
  quietlyAfter(ms: number, run: () => void): Scheduled {
    return this.at(this.nowMs + Math.max(0, ms), run, true)
  }

  cancel(scheduled: Scheduled | null): void {
    if (scheduled) scheduled.cancelled = true
  }

  /** Runs every event up to `untilMs`; `afterEach` is called once each has settled, and may throw to end the run. */
  async run(untilMs: number, afterEach: () => void): Promise<void> {
    const restore = [forbidRealTimers(), lightResponses()]
    try {
      await new Promise<void>((resolve, reject) => {
        let isOver = false
        const step = () => {
          if (isOver) return
          try {
            afterEach()
            if (this.runNext(untilMs)) return
            isOver = true
            resolve()
          } catch (error) {
            isOver = true
            reject(error as Error)
          }
        }
        const turn = () => {
          if (isOver) return
          for (let event = 0; event < eventsPerTurn; event++) immediate(step)
          immediate(turn)
        }
        turn()
      })
    } finally {
      for (const undo of restore) undo()
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  /** One event that has to settle, and the quiet ones before it; false: there is none. */
  private runNext(untilMs: number): boolean {
    for (;;) {
      const entry = this.heap[0]
      if (!entry || entry.atMs > untilMs) return false
      pop(this.heap)
      if (entry.cancelled) continue
      this.countAt(entry.atMs)
      entry.run()
      if (!entry.isQuiet) return true
    }
  }

  private countAt(atMs: number): void {
    this.sameMoment = atMs === this.nowMs ? this.sameMoment + 1 : 0
    if (this.sameMoment > mostAtOnce) throw new Error(`time stands still at ${atMs} ms`)
    this.nowMs = atMs
    this.count += 1
  }

  /** How many events wait: bounded, or somebody asks for ever more. */
  get waiting(): number {
    return this.heap.length
  }
}

const immediate = globalThis.setImmediate

/** Whoever sets a real timer while virtual time runs is told so, with the stack that leads there. */
function forbidRealTimers(): () => void {
  const { setTimeout, setInterval, setImmediate } = globalThis
  const refuse = (name: string) => () => {
    throw new Error(`${name} in virtual time: use Timers`)
  }
  Object.assign(globalThis, {
    setTimeout: refuse('setTimeout'),
    setInterval: refuse('setInterval'),
    setImmediate: refuse('setImmediate'),
  })
  return () => Object.assign(globalThis, { setTimeout, setInterval, setImmediate })
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length
  heap.push(entry)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(entry, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = entry
}

function pop(heap: Entry[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
    if (!isBefore(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
}
