// Switches a node off by all of its fence devices: look, ask whether the order still holds, command, read `off`, wait, read
// `off` again. Takes at most a good minute, and answers with readings only: what they prove is for the CRM to say.
// Must never command a device that speaks of another machine, nor for an order that is over.
import type { Clock, Timers } from '../../shared/clock.ts'
import { identityText, isSameMachine } from '../../shared/machine-identity.ts'
import type { FencedDeviceView, FenceDeviceView, PowerReading } from '../cluster/fence-view.ts'
import { bounded, pause } from './bounded.ts'
import {
  type FenceDevice,
  FenceFault,
  faultText,
  NoAnswer,
  type PowerLook,
} from './fence-device.ts'

const lookMs = 10_000
const commandMs = 15_000
/** A machine that is still on so long after the command stays on. */
const offWithinMs = 30_000
const pollMs = 1_000
/** The order was found to hold no longer ago than this when the command goes out (M15). */
const freshMs = 2_000
const keptReadings = 10

export type Drive = {
  view: FenceDeviceView
  device: FenceDevice
  /** It was seen on earlier in the life of the boot that is to be proved dead: then off is what it became there. */
  wasOn: boolean
  /** Off is off of the machine itself, and not of what it has left behind here for another host. */
  isTrueOff: boolean
}

export type CarryOutDeps = {
  clock: Clock
  timers: Timers
  /** Is the order still in force? Asked right before the command. */
  isInForce(): Promise<boolean>
}

/**
 * @param gapMs between the first readings and the second ones, at least
 * @returns what each device said, in their order; null: the order is over, and nothing was commanded
 */
export async function carryOut(
  drives: readonly Drive[],
  gapMs: number,
  deps: CarryOutDeps,
): Promise<FencedDeviceView[] | null> {
  const all = drives.map((drive) => new OneDevice(drive, deps))
  const said = () => all.map((one) => one.said)
  // All feeds or none: to cut one while another cannot be reached proves nothing, and may only do harm.
  if (!(await together(all, (one) => one.meet()))) return said()
  const askedMs = deps.clock.bootMs()
  if (!(await bounded(deps.timers, lookMs, () => deps.isInForce()))) return null
  if (!(await together(all, (one) => one.command(askedMs)))) return said()
  if (!(await together(all, (one) => one.untilOff()))) return said()
  await pause(deps.timers, gapMs)
  await together(all, (one) => one.read())
  return said()
}

/** True where all went well. */
async function together(
  all: readonly OneDevice[],
  act: (one: OneDevice) => Promise<void>,
): Promise<boolean> {
  const done = all.map(async (one) => {
    try {
      await act(one)
    } catch (error) {
      one.said.fault = faultText(error)
    }
  })
  await Promise.all(done)
  return all.every((one) => one.said.fault === '')
}

class OneDevice {
  readonly said: FencedDeviceView
  private readonly drive: Drive
  private readonly deps: CarryOutDeps
  private wasOff = false
  /** Why nobody knows whether it took the command; '': it did. */
  private unanswered = ''

  constructor(drive: Drive, deps: CarryOutDeps) {
    this.drive = drive
    this.deps = deps
    const { name, uid } = drive.view
    this.said = { name, uid, before: null, commandedMs: null, readings: [], fault: '' }
  }

  /** SAFETY: nothing is switched off before it is known to be this machine. */
  async meet(): Promise<void> {
    const { state, identity } = await this.look()
    if (!isSameMachine(this.drive.view.expects, identity))
      throw new FenceFault(
        `it speaks of another machine (${identityText(identity)}, not ${identityText(this.drive.view.expects)})`,
      )
    this.wasOff = state === 'off'
    this.said.before = state === 'off' && this.drive.wasOn ? 'on' : state
  }

  async command(askedMs: number): Promise<void> {
    const { clock, timers } = this.deps
    if (clock.bootMs() - askedMs > freshMs)
      throw new FenceFault('the order was too old when its turn came')
    try {
      await bounded(timers, commandMs, (signal) => this.drive.device.powerOff(signal))
    } catch (error) {
      // Many refuse to switch off what is off.
      if (!this.wasOff) this.goOnUnanswered(error)
    }
    this.said.commandedMs = clock.bootMs()
  }

  /**
   * A command that gets no answer may have worked all the same, and then the machine goes off. SAFETY: one that is leaving for
   * another host may keep its device from answering, so that word counts only where off is never said of what has left.
   */
  private goOnUnanswered(error: unknown): void {
    if (!(error instanceof NoAnswer) || !this.drive.isTrueOff) throw error
    this.unanswered = `${faultText(error)}, and `
  }

  /** Until it says off: the first of the two readings. */
  async untilOff(): Promise<void> {
    const { clock, timers } = this.deps
    const untilMs = clock.bootMs() + offWithinMs
    for (;;) {
      const fault = await this.read().then(() => '', faultText)
      if (fault === '' && this.said.readings.at(-1)!.state === 'off') return
      if (clock.bootMs() >= untilMs)
        throw new FenceFault(
          fault ||
            `${this.unanswered}it still says ${this.said.readings.at(-1)!.state} ${offWithinMs / 1000} s after the command`,
        )
      await pause(timers, pollMs)
    }
  }

  async read(): Promise<void> {
    const { clock } = this.deps
    const askedMs = clock.bootMs()
    const { state, identity } = await this.look()
    const answeredMs = clock.bootMs()
    const at = new Date(clock.wallMs()).toISOString()
    const reading: PowerReading = { state, identity, askedMs, answeredMs, at }
    this.said.readings = [...this.said.readings, reading].slice(-keptReadings)
  }

  private look(): Promise<PowerLook> {
    return bounded(this.deps.timers, lookMs, (signal) => this.drive.device.look(signal))
  }
}
