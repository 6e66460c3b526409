// The network between one machine and the plane: each direction delays, loses, repeats and reorders, or is cut.
import type { HttpReply, Transport } from '../../agent/http-transport.ts'
import type { Process } from './process.ts'
import type { Chance } from './random.ts'
import type { Replica } from './replica.ts'
import type { Scheduler } from './scheduler.ts'

export type Direction = 'up' | 'down'

export class Link {
  latencyMs: [number, number] = [0.5, 3]
  /** Now and then a message takes longer, up to this: later ones overtake it. */
  slowMs = 0
  slow = 0
  lost = 0
  repeated = 0
  readonly isCut: Record<Direction, boolean> = { up: false, down: false }
  private readonly scheduler: Scheduler
  private readonly chance: Chance

  constructor(scheduler: Scheduler, chance: Chance) {
    this.scheduler = scheduler
    this.chance = chance
  }

  cut(direction: Direction | 'both' = 'both'): void {
    for (const one of ['up', 'down'] as const)
      if (direction === one || direction === 'both') this.isCut[one] = true
  }

  heal(): void {
    this.isCut.up = false
    this.isCut.down = false
  }

  /** Carries a message, which arrives once, not at all, or twice. Cut links lose what is under way, too. */
  carry(direction: Direction, arrive: () => void): void {
    if (this.isCut[direction] || this.chance.chance(this.lost)) return
    const copies = this.chance.chance(this.repeated) ? 2 : 1
    for (let copy = 0; copy < copies; copy++)
      this.scheduler.after(this.delayMs(), () => {
        if (!this.isCut[direction]) arrive()
      })
  }

  private delayMs(): number {
    const usual = this.chance.between(...this.latencyMs)
    return this.chance.chance(this.slow) ? usual + this.chance.between(0, this.slowMs) : usual
  }
}

/** HTTP over a link, by an agent's process: its own deadlines, and replicas that refuse when they are dead. */
export function linkTransport(
  link: Link,
  process: Process,
  credential: string | null,
  replicaAt: (origin: string) => Replica,
  watch: (exchange: Exchange) => void,
): Transport {
  const send = (method: string, url: string, body: string | null, timeoutMs: number) =>
    new Promise<HttpReply & { cancel?: never }>((resolve, reject) => {
      const exchange = new Exchange({ method, url, body, credential })
      const deadline = process.timers.set(
        () => exchange.end(() => reject(new Error(`no answer within ${timeoutMs} ms`))),
        timeoutMs,
      )
      exchange.onEnd = () => process.timers.clear(deadline)
      const give = (reply: HttpReply | Error) =>
        link.carry('down', () =>
          process.do(() =>
            exchange.end(() => {
              if (reply instanceof Error) return reject(reply)
              exchange.reply = reply
              watch(exchange)
              resolve(reply)
            }),
          ),
        )
      exchange.reject = reject
      process.do(() => {
        watch(exchange)
        link.carry('up', () => replicaAt(new URL(url).origin).serve(exchange, give))
      })
    })
  return {
    post: (url, body, timeoutMs) => send('POST', url, body, timeoutMs),
    get: (url, timeoutMs, cancel) => {
      if (cancel.aborted) return Promise.reject(new Error('cancelled'))
      return new Promise((resolve, reject) => {
        const onCancel = () => reject(new Error('cancelled'))
        cancel.addEventListener('abort', onCancel, { once: true })
        send('GET', url, null, timeoutMs)
          .then(resolve, reject)
          .finally(() => cancel.removeEventListener('abort', onCancel))
      })
    },
    close: async () => {},
  }
}

type Question = { method: string; url: string; body: string | null; credential: string | null }

/** One request and what becomes of it. */
export class Exchange {
  readonly question: Question
  reply: HttpReply | null = null
  isOver = false
  onEnd: () => void = () => {}
  reject: (error: Error) => void = () => {}

  constructor(question: Question) {
    this.question = question
  }

  end(settle: () => void): void {
    if (this.isOver) return
    this.isOver = true
    this.onEnd()
    settle()
  }
}
