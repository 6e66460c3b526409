// A machine's watchdog device, and the agent's seam to it. As Linux has them: opening, setting the timeout and an
// unclean close feed it, magic close stops it (unless nowayout), and nobody but the holder can feed it.
import type { ArmResult, CloseResult, FeedResult, Watchdog } from '../../agent/watchdog/watchdog.ts'
import { countedFactor, type Proved } from '../../agent/drill/measured-factor.ts'
import { cardReset } from '../../shared/node-health.ts'
import type { WatchdogClass, WatchdogInfo } from '../../shared/node.ts'
import type { HostClock, Process } from './process.ts'
import type { Chance } from './random.ts'

export type DeviceKind = {
  class: WatchdogClass
  identity: string
  /** Effective timeout for each configured millisecond, as the agent's table says. */
  factor: number
  nowayout: boolean
}

export const deviceKinds = {
  i6300esb: { class: 'qualified', identity: 'i6300esb', factor: 1, nowayout: false },
  iTCO: { class: 'qualified', identity: 'iTCO_wdt', factor: 2, nowayout: false },
  nowayout: { class: 'qualified', identity: 'ipmi', factor: 2, nowayout: true },
  softdog: { class: 'weak', identity: 'Software Watchdog', factor: 1, nowayout: false },
  simulated: { class: 'simulated', identity: 'supervisor', factor: 1, nowayout: false },
  none: { class: 'none', identity: 'none', factor: 1, nowayout: false },
} as const satisfies Record<string, DeviceKind>
export type DeviceName = keyof typeof deviceKinds

/** What feeds it: `close` is the kernel's own ping at an unclean close. */
export type FeedCause = 'open' | 'timeout' | 'write' | 'close'

export class Device {
  readonly kind: DeviceKind
  holder: Process | null = null
  timeoutMs = 60_000
  isRunning = false
  onFire: () => void = () => {}
  onFeed: (cause: FeedCause, timeoutMs: number) => void = () => {}
  private readonly chance: Chance
  private clock: HostClock
  private firing: (() => void) | null = null
  private hasFired = false
  /** What its driver says of the boot before. */
  bootStatus = 0

  constructor(kind: DeviceKind, chance: Chance, clock: HostClock) {
    this.kind = kind
    this.chance = chance
    this.clock = clock
  }

  /** The machine has lost power or was reset. */
  reset(clock: HostClock): void {
    this.stop()
    this.holder = null
    this.timeoutMs = 60_000
    this.clock = clock
  }

  /** A new boot asks what ended the one before. */
  boot(): void {
    this.bootStatus = this.hasFired ? cardReset : 0
    this.hasFired = false
  }

  feed(cause: FeedCause): void {
    this.isRunning = true
    this.firing?.()
    // It fires somewhere between what is configured and what its kind is known for; most often as late as it may.
    const longest = this.timeoutMs * this.kind.factor
    const ms = this.chance.chance(0.7) ? longest : this.chance.between(this.timeoutMs, longest)
    this.firing = this.clock.after(ms, () => {
      this.hasFired = true
      const { tally } = this.clock.scheduler
      tally.note('watchdogs fired')
      if (ms > this.timeoutMs) tally.note('watchdogs fired late')
      this.onFire()
    })
    this.onFeed(cause, this.timeoutMs)
  }

  stop(): void {
    this.firing?.()
    this.firing = null
    this.isRunning = false
  }

  /** The last close: clean with `V`, or the end of the process that held it. */
  close(isClean: boolean): void {
    this.holder = null
    if (!this.isRunning) return
    if (isClean && !this.kind.nowayout) this.stop()
    else this.feed('close')
  }
}

/**
 * The agent's seam to `device`.
 * @param pauseBefore may let the process stand still between the check of the limit and the write
 */
export function simWatchdog(
  device: Device,
  process: Process,
  pauseBefore: () => void,
  /** Told with each check that allowed a feed. */
  onAllowed: () => void,
  provedOf: (identity: string) => Proved,
): Watchdog {
  const { clock } = process
  const { kind } = device
  const { identity } = kind
  const { leastMs, factor: proved } = provedOf(identity)
  const factor = countedFactor(kind.factor, { factor: proved, leastMs })
  const isMine = () => device.holder === process
  process.onDeath(() => {
    if (isMine()) device.close(false)
  })

  function arm(timeoutMs: number, untilMs: number): ArmResult {
    const wasCounting = isMine() || device.isRunning
    if (kind.class === 'none') return { ok: false, why: 'none configured', open: false }
    if (clock.bootMs() > untilMs)
      return { ok: false, why: 'later than the lease allows', open: isMine() && wasCounting }
    if (!isMine() && device.holder?.isAlive)
      return { ok: false, why: 'another program holds it', open: false }
    onAllowed()
    const seconds = Math.max(1, Math.floor(timeoutMs / 1000))
    pauseBefore()
    process.do(() => {
      if (!isMine()) {
        device.holder = process
        device.feed('open')
      }
      device.timeoutMs = seconds * 1000
      device.feed('timeout')
    })
    return { ok: true, effectiveMs: seconds * 1000 * factor, canClose: !kind.nowayout }
  }

  function feed(untilMs: number): FeedResult {
    if (!isMine() && !process.isPaused) return { failed: 'not open' }
    if (clock.bootMs() > untilMs) return 'late'
    onAllowed()
    pauseBefore()
    process.do(() => {
      if (isMine()) device.feed('write')
    })
    return 'fed'
  }

  function close(): CloseResult {
    if (!isMine()) return { ok: true }
    if (kind.nowayout) return { ok: false, why: `${kind.identity} is set to nowayout` }
    process.do(() => {
      if (isMine()) device.close(true)
    })
    return { ok: true }
  }

  return {
    factor,
    leastMs,
    bootStatus: () => (kind.class === 'none' ? null : device.bootStatus),
    info: (timeoutMs): WatchdogInfo => ({
      class: kind.class,
      identity: kind.identity,
      effectiveMs:
        kind.class === 'none'
          ? 0
          : Math.max(1, Math.floor(timeoutMs / factor / 1000), leastMs / 1000) * 1000 * factor,
    }),
    isRunning: () => device.isRunning,
    arm,
    feed,
    close,
  }
}
