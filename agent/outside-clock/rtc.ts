// The machine's real-time clock, which in a virtual machine follows the host's clock also while the machine is frozen
// (QEMU with its usual `clock=host`; with `clock=vm` it stands still too, and shows nothing). Read through sysfs, which
// opens no device, wants no right, and answers from the driver: a handful of port accesses, on the host's side of them
// microseconds each. A PTP clock of the hypervisor would be finer, and can be read by an ioctl only, which Node.js has not.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OutsideClock } from './outside-clock.ts'

/** The first clock of `directory` that can be read; null: there is none. */
export function findRtc(directory = '/sys/class/rtc'): OutsideClock | null {
  for (const name of listed(directory)) {
    const path = join(directory, name, 'since_epoch')
    const readMs = () => read(path)
    if (readMs() !== null) return { name, stepMs: 1_000, readMs }
  }
  return null
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}

/** Seconds since 1970. A clock whose battery was empty says 0 or worse, and goes on from there: that serves as well. */
function read(path: string): number | null {
  try {
    const text = readFileSync(path, 'latin1').trim()
    return /^\d+$/.test(text) ? Number(text) * 1_000 : null
  } catch {
    return null
  }
}
