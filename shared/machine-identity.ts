// Which machine somebody means: what its firmware says, its fence device, and itself. Pure comparisons; a machine that
// cannot be told from others is no machine that was proved dead.
import { z } from 'zod'
import { text } from './text.ts'

/** What a machine is known by outside: of SMBIOS, or of its hypervisor. null: not said. */
export const MachineIdentity = z.strictObject({
  uuid: text(200).nullable(),
  serial: text(200).nullable(),
})
export type MachineIdentity = z.infer<typeof MachineIdentity>

export const noIdentity: MachineIdentity = { uuid: null, serial: null }

/** Everything that `expected` names is found, and it names something. */
export function isSameMachine(expected: MachineIdentity, found: MachineIdentity | null): boolean {
  if (found === null || (expected.uuid === null && expected.serial === null)) return false
  const isUuid = expected.uuid === null || isSameUuid(expected.uuid, found.uuid)
  const isSerial = expected.serial === null || isSameSerial(expected.serial, found.serial)
  return isUuid && isSerial
}

/**
 * Of the same machine. Firmware before SMBIOS 2.6 wrote the first three fields in the other order of bytes, and its
 * management controller may read them differently than its kernel: both orders are the same machine.
 */
export function isSameUuid(one: string, other: string | null): boolean {
  if (other === null) return false
  const [a, b] = [hexOf(one), hexOf(other)]
  return a !== null && b !== null && (a === b || a === swapped(b))
}

function isSameSerial(one: string, other: string | null): boolean {
  return other !== null && one.trim().toUpperCase() === other.trim().toUpperCase()
}

/** 32 hexadecimal digits; null: it is no uuid, or one that many machines have. */
function hexOf(text: string): string | null {
  const hex = text.trim().toLowerCase().replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/.test(hex) || /^(.)\1*$/.test(hex)) return null
  return hex
}

function swapped(hex: string): string {
  const bytes = hex.match(/../g) as string[]
  const turned = (from: number, to: number) => bytes.slice(from, to).reverse()
  return [...turned(0, 4), ...turned(4, 6), ...turned(6, 8), ...bytes.slice(8)].join('')
}

/** For people. */
export function identityText({ uuid, serial }: MachineIdentity): string {
  const parts = [uuid === null ? '' : `uuid ${uuid}`, serial === null ? '' : `serial ${serial}`]
  return parts.filter(Boolean).join(', ') || 'no identity'
}
