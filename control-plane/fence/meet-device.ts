// What a fence device says of itself when an operator sets it up or tests it: its machine and that one's power. Nothing is
// switched here.
import type { Timers } from '../../shared/clock.ts'
import type { MachineIdentity } from '../../shared/machine-identity.ts'
import type { PowerState } from '../cluster/fence-view.ts'
import { bounded } from './bounded.ts'
import { type FenceDevice, faultText } from './fence-device.ts'

const answersWithinMs = 8_000

/** `fault` '': it answered. */
export type Met = { state: PowerState | null; identity: MachineIdentity | null; fault: string }

export async function meetDevice(device: FenceDevice, timers: Timers): Promise<Met> {
  try {
    const look = await bounded(timers, answersWithinMs, (signal) => device.look(signal))
    return { ...look, fault: '' }
  } catch (error) {
    return { state: null, identity: null, fault: faultText(error) }
  }
}
