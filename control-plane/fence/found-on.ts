// What a device's off is worth where a machine may be elsewhere: whether it is off of the machine itself, and whether it was seen
// on there before. Pure.
import type { ProofNeeds } from '../cluster/fence-proof.ts'
import type { DeviceCheckView, FencedDeviceView, FenceDeviceView } from '../cluster/fence-view.ts'

/** Kinds that never say off of a machine that has left them for another host. */
const neverLeftBehind = ['libvirt', 'simulated']

/** Whether off, as this device says it, is off of the machine, wherever it is. */
export function isTrueOff({ kind }: FenceDeviceView, { canMove }: ProofNeeds): boolean {
  return !canMove || neverLeftBehind.includes(kind)
}

/**
 * Of these, which were seen on earlier in the life of the boot that is to be proved dead: by an attempt for its epoch, or
 * while it still renewed. What they then say is off has ended there. SAFETY: the last attempt that asked has the last
 * word: one that has found it on its way, or gone, may be followed by what is left of a way back that was given up.
 *
 * @param reports what attempts for its epoch have said, the oldest first
 */
export function foundOn(
  devices: readonly FenceDeviceView[],
  reports: readonly FencedDeviceView[][],
  bootId: string | null,
): string[] {
  const wasOn = ({ name, uid, kind, checked }: FenceDeviceView) => {
    if (!neverLeftBehind.includes(kind)) return false
    const before = lastBefore(name, uid, reports)
    // A local site's supervisor lets nothing go elsewhere: it is only on its way up or down.
    if (before === null || (before === 'changing' && kind !== 'libvirt'))
      return isSeenOn(checked ?? null, bootId)
    return before === 'on' || before === 'paused'
  }
  return devices.filter(wasOn).map(({ name }) => name)
}

function isSeenOn(checked: DeviceCheckView | null, bootId: string | null): boolean {
  if (checked === null || bootId === null) return false
  return checked.bootId === bootId && checked.state === 'on' && checked.isExpected
}

/** What it was found as by the last attempt that reached it, as it is set up now; null: none has. */
function lastBefore(name: string, uid: string, reports: readonly FencedDeviceView[][]) {
  const said = reports.flat().filter((one) => one.name === name && one.uid === uid)
  return said.findLast(({ before }) => before !== null)?.before ?? null
}
