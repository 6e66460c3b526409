// Virtual time: a queue of events by (moment, order of asking). After each event everything that production code began
// by it settles, within one turn of the event loop; a real timer set meanwhile is a fault of whoever set it.

export type Scheduled = { readonly atMs: number; cancelled: boolean }
type Entry = Scheduled & { order: number; run: () => void }

export class Scheduler {
  /** True time, which no machine knows, in milliseconds since the world began. */
  nowMs = 0
  /** Events run so far. */
  count = 0
  private readonly heap: Entry[] = []
  private order = 0

  at(atMs: number, run: () => void): Scheduled {
    const entry: Entry = {
      ...{ atMs: Math.max(atMs, this.nowMs), order: this.order++, run, cancelled: false },
    }
    push(this.heap, entry)
    return entry
  }

  after(ms: number, run: () => void): Scheduled {
    return this.at(this.nowMs + Math.max(0, ms), run)
  }

  cancel(scheduled: Scheduled | null): void {
    if (scheduled) scheduled.cancelled = true
  }

  /** Runs every event up to `untilMs`; `afterEach` is called once each has settled. */
  async run(untilMs: number, afterEach: () => void): Promise<void> {
    const restore = forbidRealTimers()
    try {
      for (;;) {
        const entry = this.heap[0]
        if (!entry || entry.atMs > untilMs) break
        pop(this.heap)
        if (entry.cancelled) continue
        this.nowMs = entry.atMs
        this.count += 1
        entry.run()
        await turn()
        afterEach()
      }
    } finally {
      restore()
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  /** How many events wait: bounded, or somebody asks for ever more. */
  get waiting(): number {
    return this.heap.length
  }
}

const immediate = globalThis.setImmediate

function turn(): Promise<void> {
  return new Promise((resolve) => {
    immediate(resolve)
  })
}

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
