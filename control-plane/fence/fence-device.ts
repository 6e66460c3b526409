// The seam of fence devices: whatever can cut a machine's power from outside and say whether it is off. One file a kind.
// Every call is bounded by its signal and throws a FenceFault; no fault and no log line holds a secret.
import type { MachineIdentity } from '../../shared/machine-identity.ts'
import type { PowerState } from '../cluster/fence-view.ts'

export type PowerLook = {
  /** `off` only where nothing of the machine executes or can go on where it was. */
  state: PowerState
  /** Which machine it speaks of, as it says itself. */
  identity: MachineIdentity
}

export interface FenceDevice {
  /** What it says of the machine's power now; asked anew each time, never remembered. */
  look(signal: AbortSignal): Promise<PowerLook>
  /** Cuts the power, without asking the machine. Resolves when the command was taken: only a look tells what came of it. */
  powerOff(signal: AbortSignal): Promise<void>
  /** Switches it on; of one that is on nothing changes. Only ever asked for once its death is on record. */
  powerOn(signal: AbortSignal): Promise<void>
}

/** What a device, or the way to it, did not do; for people. */
export class FenceFault extends Error {
  override name = 'FenceFault'
}

/** Nobody knows whether it did it: it has not answered in time. */
export class NoAnswer extends FenceFault {
  override name = 'NoAnswer'
}

/** A sentence about anything that was thrown on the way to a device. */
export function faultText(error: unknown): string {
  if (error instanceof FenceFault) return error.message
  const { code, cause, name } = error as { code?: unknown; cause?: unknown; name?: string }
  const inner = (cause as { code?: unknown } | undefined)?.code
  // Texts of libraries may repeat what they were given; codes do not.
  const word = [code, inner, name].find((one) => typeof one === 'string' && one !== 'Error')
  return `it cannot be reached (${typeof word === 'string' ? word : 'unknown error'})`
}
