// The network between one machine and the plane: each direction delays, loses, repeats and reorders, or is cut.
import type { HttpReply, Transport } from '../../agent/http-transport.ts'
import { managedHeader } from '../../shared/protocol.ts'
import type { PlainReply } from './in-process.ts'
import type { Process } from './process.ts'
import type { Chance } from './random.ts'
import type { Replica } from './replica.ts'
import type { Scheduler } from './scheduler.ts'

export type Direction = 'up' | 'down'

/** Probabilities for each message. One that is slow takes up to `slowMs` longer: later ones overtake it. */
export type LinkQuality = { lost: number; repeated: number; slow: number; slowMs: number }

const perfect: LinkQuality = { lost: 0, repeated: 0, slow: 0, slowMs: 0 }

export class Link {
  latencyMs: [number, number] = [0.5, 3]
  /** Now, and when nothing is wrong with it in particular. */
  quality = perfect
  private usual = perfect
  /** Answers to requests of this path are lost; all else passes. */
  deafTo: string | null = null
  readonly isCut: Record<Direction, boolean> = { up: false, down: false }
  private carried = 0
  private readonly arrived: Record<Direction, number> = { up: 0, down: 0 }
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

  /** From now on, also after `recover`. */
  beUsually(quality: Partial<LinkQuality>): void {
    this.usual = { ...perfect, ...quality }
    this.quality = this.usual
  }

  recover(): void {
    this.quality = this.usual
  }

  /** Carries a message, which arrives once, not at all, or twice. Cut links lose what is under way, too. */
  carry(direction: Direction, arrive: () => void): void {
    const { tally } = this.scheduler
    if (this.isCut[direction]) return tally.note('messages lost in a cut')
    if (this.chance.chance(this.quality.lost)) return tally.note('lostMessages')
    const copies = this.chance.chance(this.quality.repeated) ? 2 : 1
    if (copies > 1) tally.note('repeatedMessages')
    const number = ++this.carried
    for (let copy = 0; copy < copies; copy++)
      this.scheduler.after(this.delayMs(), () => {
        if (this.isCut[direction]) return tally.note('messages lost in a cut')
        if (number < this.arrived[direction]) tally.note('overtaken messages')
        this.arrived[direction] = Math.max(number, this.arrived[direction])
        arrive()
      })
  }

  private delayMs(): number {
    const usual = this.chance.between(...this.latencyMs)
    const { slow, slowMs } = this.quality
    if (!this.chance.chance(slow)) return usual
    this.scheduler.tally.note('slowMessages')
    return usual + this.chance.between(0, slowMs)
  }
}

/** Sends one request over a link, from a process: its own deadline, and replicas that refuse when they are dead. */
export function sendOver(
  link: Link,
  process: Process,
  replicaAt: (origin: string) => Replica,
  watch: (exchange: Exchange, isSent: boolean) => void = () => {},
) {
  return (question: Question, timeoutMs: number, cancel: AbortSignal | null) =>
    new Promise<HttpReply>((resolve, reject) => {
      const exchange = new Exchange(question)
      const fail = (why: string) => exchange.end(() => reject(new Error(why)))
      const leave = (why: string) => {
        if (exchange.isOver) return
        fail(why)
        link.carry('up', () => exchange.onAbort())
      }
      if (cancel?.aborted) return fail('cancelled')
      const deadline = process.timers.set(() => leave(`no answer in ${timeoutMs} ms`), timeoutMs)
      const onCancel = () => leave('cancelled')
      cancel?.addEventListener('abort', onCancel, { once: true })
      exchange.onEnd = () => {
        process.timers.clear(deadline)
        cancel?.removeEventListener('abort', onCancel)
      }
      const isHeard = () => link.deafTo === null || !question.url.includes(link.deafTo)
      const give = (reply: HttpReply | Error) =>
        isHeard() &&
        link.carry('down', () =>
          process.do(() => {
            if (reply instanceof Error) return fail(reply.message)
            return exchange.end(() => {
              exchange.reply = reply
              watch(exchange, false)
              resolve(reply)
            })
          }),
        )
      return process.do(() => {
        watch(exchange, true)
        // It may stand still here: the moment of sending is known, and nothing is on its way yet.
        process.do(() =>
          link.carry('up', () => replicaAt(new URL(question.url).origin).serve(exchange, give)),
        )
      })
    })
}

/** An agent's way over a link. @param readsGates as agents do that know of start gates */
export function linkTransport(
  link: Link,
  process: Process,
  credential: string | null,
  replicaAt: (origin: string) => Replica,
  watch: (exchange: Exchange, isSent: boolean) => void,
  readsGates: boolean,
): Transport {
  const send = sendOver(link, process, replicaAt, watch)
  const withHeaders = (reply: HttpReply): HttpReply =>
    readsGates
      ? { ...reply, managed: (reply as PlainReply).header(managedHeader) ?? undefined }
      : reply
  return {
    post: (url, body, timeoutMs) =>
      send({ method: 'POST', url, body, credential }, timeoutMs, null),
    get: (url, timeoutMs, cancel) =>
      send({ method: 'GET', url, body: null, credential }, timeoutMs, cancel).then(withHeaders),
    close: async () => {},
  }
}

export type Question = {
  method: string
  url: string
  body: string | null
  credential: string | null
  headers?: Record<string, string>
}

/** One request and what becomes of it. */
export class Exchange {
  readonly question: Question
  reply: HttpReply | null = null
  isOver = false
  onEnd: () => void = () => {}
  /** The server sees that nobody waits for its answer any more. */
  onAbort: () => void = () => {}

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
