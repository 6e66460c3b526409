// What is known about watchdog hardware: how long a machine really lives after the last feed, compared with the
// timeout configured. Never believed from what the driver reads back.
import type { WatchdogClass } from '../../shared/node.ts'

export type KnownDevice = { factor: number; class: WatchdogClass; note?: string }

const devices: { identity: RegExp; known: KnownDevice }[] = [
  // Fires on its second timeout: measured 12.0 s at a setting of 6.
  { identity: /itco/i, known: { factor: 2, class: 'qualified' } },
  { identity: /i6300esb/i, known: { factor: 1, class: 'qualified' } },
  // A timer of the same kernel: it cannot fire when that hangs with interrupts off.
  {
    identity: /software watchdog/i,
    known: { factor: 1, class: 'weak', note: 'softdog: part of the kernel it watches' },
  },
]

/** Unknown devices count double, or more where a drill has shown that. */
export function lookUpDevice(identity: string): KnownDevice {
  const found = devices.find((device) => device.identity.test(identity))
  return found?.known ?? { factor: 2, class: 'qualified', note: 'unknown device: counts double' }
}
