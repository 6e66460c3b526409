// What each machine was allowed, as the world itself saw it on the wire: which leases its boot was given, and so until
// when its watchdog may be fed, and until when anything may be left running there. Kept apart from all production code,
// which it judges.
import type { Exchange } from './link.ts'
import type { Machine } from './machine.ts'
import type { Tally } from './tally.ts'

/** F in units of W, as the contract says it (rule 3). */
const feedFactor = 3

type Boot = {
  bootId: string
  /** The furthest sending + lease length of a granted renewal, by the machine's clock; −∞: none was granted. */
  leasedUntilMs: number
  /** The same in true time, which goes on while a machine is frozen. */
  trulyUntilMs: number
  /** Both, as they were when the last renewal of each lease epoch was granted. */
  byEpoch: Map<number, { bootMs: number; trulyMs: number }>
  /** The plane committed that the watchdog may be closed. */
  isReleased: boolean
  /** A renewal that said *armed* was granted: before the first one the plane draws no proof from its silence. */
  hasSaidArmed: boolean
  /** Writes of its disk that had failed when it was released: what it cannot note, a later process cannot know. */
  diskFailures: number
  /** The clock at the last check that allowed a feed. */
  allowedAtMs: number
  trulyAllowedMs: number
}

type Sent = { bootId: string; atMs: number; trulyMs: number; armed: boolean }

/** Once it goes on, a frozen machine has so long to see it, and to kill what runs. */
export const thawMs = 1_500

export class LeaseRecorder {
  private readonly boots = new Map<Machine, Boot>()
  private readonly sent = new WeakMap<Exchange, Sent>()
  private readonly tally: Tally

  constructor(tally: Tally) {
    this.tally = tally
  }

  /** Called at the sending of each request, and again when its answer reached the agent. */
  watch(machine: Machine, exchange: Exchange): void {
    if (!exchange.question.url.endsWith('/agent/v1/lease')) return
    if (exchange.reply === null) {
      const armed = valueOf(exchange.question.body ?? '', 'armed') === 'true'
      const atMs = machine.clock.bootMs()
      this.sent.set(exchange, { bootId: machine.bootId, atMs, trulyMs: trueMs(machine), armed })
      return
    }
    const sent = this.sent.get(exchange)
    const boot = this.of(machine)
    if (exchange.reply.status !== 200 || sent?.bootId !== boot.bootId) return
    boot.hasSaidArmed ||= sent.armed
    const { body } = exchange.reply
    const leaseMs = Number(valueOf(body, 'leaseMs'))
    boot.leasedUntilMs = Math.max(boot.leasedUntilMs, sent.atMs + leaseMs)
    const trulyUntilMs = sent.trulyMs + machine.clock.trueMs(leaseMs)
    boot.trulyUntilMs = Math.max(boot.trulyUntilMs, trulyUntilMs)
    const until = { bootMs: boot.leasedUntilMs, trulyMs: boot.trulyUntilMs }
    boot.byEpoch.set(Number(valueOf(body, 'epoch')), until)
    const isReleased = valueOf(body, 'released') === 'true'
    // Until it says again that it is armed, the plane draws no proof from its silence.
    if (isReleased && !boot.isReleased) boot.diskFailures = machine.disk.failures
    if (isReleased || sent.armed) boot.isReleased = isReleased
  }

  /** An agent has checked that it may feed. */
  allowed(machine: Machine): void {
    const boot = this.of(machine)
    boot.allowedAtMs = machine.clock.bootMs()
    boot.trulyAllowedMs = trueMs(machine)
  }

  /** What is wrong with a voluntary feed now; null: nothing. */
  judgeFeed(machine: Machine): string | null {
    const boot = this.of(machine)
    const { guests, device } = machine
    if (guests.isEmpty || boot.isReleased) return null
    // What somebody else has started: a device is opened for it with whatever timeout it has, and told of afterwards.
    const found = [...guests.running.values()]
    if (!boot.hasSaidArmed && found.every(({ generation }) => generation === 0)) return null
    this.tally.note('judged: feed')
    const marginMs = feedFactor * device.timeoutMs * device.kind.factor
    // A check and its feed may lie apart by a pause, but not by more than the device lets the machine live.
    const lateMs = Math.round(
      Math.max(
        boot.allowedAtMs - (boot.leasedUntilMs - marginMs),
        boot.trulyAllowedMs - (boot.trulyUntilMs - machine.clock.trueMs(marginMs)),
      ),
    )
    if (lateMs <= 1) return null
    return `${machine.name} feeds its watchdog ${lateMs} ms after the feed rule’s limit`
  }

  /** Its device may still be fed, by the last lease that was granted. */
  mayFeed(machine: Machine): boolean {
    const { device, clock } = machine
    const marginMs = feedFactor * device.timeoutMs * device.kind.factor
    return clock.bootMs() <= this.of(machine).leasedUntilMs - marginMs
  }

  /** The plane was told, and said that it knows: nothing is concluded from the silence of this machine. */
  isLetGo(machine: Machine): boolean {
    const isClosed = machine.device.kind.nowayout || !machine.device.isRunning
    const { isReleased, diskFailures } = this.of(machine)
    return isReleased && isClosed && machine.disk.failures === diskFailures
  }

  /** What is wrong with anything running there now; null: nothing. It must be dead before its last lease is over. */
  judgeRunning(machine: Machine): string | null {
    const boot = this.of(machine)
    if (isNotYetAwake(machine)) return null
    if (!boot.isReleased) this.tally.note('judged: running')
    const bootLateMs = machine.clock.bootMs() - boot.leasedUntilMs
    const lateMs = Math.max(bootLateMs, trueMs(machine) - boot.trulyUntilMs)
    if (lateMs <= 1e-3 || boot.isReleased) return null
    return `${machine.name} runs ${[...machine.guests.running.keys()].join(' ')} ${Math.round(lateMs)} ms after its lease`
  }

  /** How much longer the lease of this boot lasts that it was given under `epoch`, by the clock of its machine and in truth. */
  leaseLeftMs(machine: Machine, epoch: number): number {
    const until = this.of(machine).byEpoch.get(epoch)
    if (!until) return Number.NEGATIVE_INFINITY
    return Math.min(until.bootMs - machine.clock.bootMs(), until.trulyMs - trueMs(machine))
  }

  /** The plane has committed that nothing is concluded from the silence of this boot. */
  isReleased(machine: Machine): boolean {
    return this.of(machine).isReleased
  }

  private of(machine: Machine): Boot {
    let boot = this.boots.get(machine)
    if (boot?.bootId !== machine.bootId) {
      boot = {
        bootId: machine.bootId,
        leasedUntilMs: Number.NEGATIVE_INFINITY,
        trulyUntilMs: Number.NEGATIVE_INFINITY,
        byEpoch: new Map(),
        isReleased: false,
        hasSaidArmed: false,
        diskFailures: 0,
        allowedAtMs: Number.NEGATIVE_INFINITY,
        trulyAllowedMs: Number.NEGATIVE_INFINITY,
      }
      this.boots.set(machine, boot)
    }
    return boot
  }
}

function trueMs(machine: Machine): number {
  return machine.options.scheduler.nowMs
}

/** Nothing in it executes, or not for longer than it takes to see that it was frozen: the limit of what is promised. */
export function isNotYetAwake(machine: Machine): boolean {
  return machine.clock.isFrozen || trueMs(machine) - machine.thawedMs < thawMs
}

const values = {
  armed: /"armed":(true|false)/,
  epoch: /"epoch":(\d+)/,
  released: /"released":(true|false)/,
  leaseMs: /"leaseMs":([\d.]+)/,
} as const

/** A field of a message, read without parsing all of it: there are very many. */
function valueOf(body: string, field: keyof typeof values): string {
  const value = values[field].exec(body)?.[1]
  if (value === undefined) throw new Error(`no ${field} in ${body}`)
  return value
}
