// The fence devices of a machine in the world: one for each of its feeds, which has power while any feed has. They cut it,
// and say so; or they are dark, slow, lie about the command, speak of another machine, or are wrong once.
// What they promise is kept: a reading that is wrong is never followed by another wrong one.
import type { FenceDevice, PowerLook } from '../../control-plane/fence/fence-device.ts'
import { FenceFault } from '../../control-plane/fence/fence-device.ts'
import type { MachineIdentity } from '../../shared/machine-identity.ts'
import type { Machine } from './machine.ts'
import type { Chance } from './random.ts'

/** Probabilities of one call, but for `slowMs`. */
export const noDeviceFaults = { refuses: 0, lies: 0, wrong: 0, slow: 0, slowMs: 20_000 }

export class SimFenceDevice implements FenceDevice {
  readonly name: string
  readonly machine: Machine
  faults = { ...noDeviceFaults }
  /** Nobody answers. */
  isDark = false
  /** Whatever it is told, it takes the command and does nothing. */
  isLiar = false
  /** It stops the machine with all it runs, instead of ending it, and says so. */
  pauses = false
  /** It was plugged into another machine; it speaks of that one. */
  other: Machine | null = null
  /** The plane switches it on. */
  onSwitchOn: () => void = () => {}
  /** The power is gone: somebody will see to it. */
  onCut: () => void = () => {}
  /** What it says of the next readings, whatever is so; then the truth again. */
  readonly told: PowerLook['state'][] = []
  private readonly feeds: SimFenceDevice[]
  private readonly chance: Chance
  private isCut = false
  private wasWrong = false

  /** @param feeds all devices of the machine; this one adds itself */
  constructor(machine: Machine, feeds: SimFenceDevice[], chance: Chance) {
    this.machine = machine
    this.name = feeds.length === 0 ? 'bmc' : `feed${feeds.length + 1}`
    this.feeds = feeds
    this.chance = chance
    feeds.push(this)
  }

  async look(): Promise<PowerLook> {
    await this.answer()
    const machine = this.other ?? this.machine
    return { state: this.told.shift() ?? this.stateOf(machine), identity: identityOf(machine) }
  }

  async powerOff(): Promise<void> {
    await this.answer()
    const { faults } = this
    if (this.happens('fenceRefuses', faults.refuses)) throw new FenceFault('it refuses')
    if (this.isLiar || this.happens('fenceLies', faults.lies)) return
    if (this.pauses) return this.machine.freeze()
    if (this.other) return this.other.powerOff('a fence device was plugged into it')
    this.isCut = true
    if (!this.feeds.every((feed) => feed.isCut)) return
    const { tally } = this.machine.options.scheduler
    if (this.machine.isOn) tally.note('machines switched off by a device')
    this.machine.powerOff('its fence device has cut the power')
    this.onCut()
  }

  async powerOn(): Promise<void> {
    this.onSwitchOn()
    await this.answer()
    this.isCut = false
    this.machine.powerOn()
  }

  /** It is as it should be, with everything plugged in where it belongs. */
  repair(): void {
    Object.assign(this, { isDark: false, isLiar: false, pauses: false, other: null })
    this.faults = { ...noDeviceFaults }
    this.told.length = 0
  }

  /** Somebody gives it power again. */
  restore(): void {
    this.isCut = false
  }

  get hasPower(): boolean {
    return !this.isCut
  }

  private stateOf(machine: Machine): PowerLook['state'] {
    const isOn = this.feeds.length > 1 ? !this.isCut : machine.isOn
    const truth = isOn ? (machine.clock.isFrozen ? 'paused' : 'on') : 'off'
    this.wasWrong = !this.wasWrong && this.happens('fenceWrong', this.faults.wrong)
    if (!this.wasWrong) return truth
    return truth === 'off' ? 'on' : 'off'
  }

  private happens(
    fault: 'fenceRefuses' | 'fenceLies' | 'fenceWrong' | 'fenceSlow',
    probability: number,
  ) {
    const isSo = this.chance.chance(probability)
    if (isSo) this.machine.options.scheduler.tally.note(fault)
    return isSo
  }

  /** The way there and back. */
  private async answer(): Promise<void> {
    const { chance, faults } = this
    const ms = this.happens('fenceSlow', faults.slow)
      ? chance.between(0, faults.slowMs)
      : chance.between(5, 400)
    const { scheduler } = this.machine.options
    await new Promise<void>((resolve, reject) => {
      // A dark one never answers: whoever asks gives up.
      if (this.isDark) return
      scheduler.after(ms, () => (this.isDark ? reject(new FenceFault('it went dark')) : resolve()))
    })
  }
}

/** As its firmware has it. */
export function identityOf({ name }: Machine): MachineIdentity {
  const hex = Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)
  return { uuid: `5e1f0000-0000-4000-8000-${hex}`, serial: `serial-${name}` }
}
