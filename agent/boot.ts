// Which machine this is, and which boot of it.
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Capacity } from '../shared/node.ts'
import type { Random } from '../shared/random.ts'
import { writeFileAtomically } from './files.ts'

export type Boot = {
  bootId: string
  hardwareId: string
  /** A hypervisor was found: it can freeze this machine together with its watchdog. */
  virtual: boolean
  capacity: Capacity
}

/**
 * What the machine says of itself. A virtual node of a development site is told its boot id by its supervisor, and has
 * a hardware id of its own in its data directory, since many share one machine.
 */
export function describeBoot(options: {
  home: string
  simulatedBootId: string | null
  random: Random
}): Boot {
  const isSimulated = options.simulatedBootId !== null
  return {
    bootId: options.simulatedBootId ?? read('/proc/sys/kernel/random/boot_id') ?? '',
    hardwareId: isSimulated ? ownHardwareId(options) : machineId(options),
    virtual: !isSimulated && /^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo') ?? ''),
    capacity: { cpus: availableParallelism(), memoryBytes: totalmem() },
  }
}

function machineId(options: Place): string {
  const id = read('/sys/class/dmi/id/product_uuid') ?? read('/etc/machine-id')
  return id !== null && id.length >= 4 ? id.slice(0, 200) : ownHardwareId(options)
}

type Place = { home: string; random: Random }

function ownHardwareId({ home, random }: Place): string {
  const path = join(home, 'hardware-id')
  const known = read(path)
  if (known !== null && known.length >= 4) return known
  const fresh = random.uuid()
  writeFileAtomically(path, `${fresh}\n`)
  return fresh
}

function read(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return text === '' ? null : text
  } catch {
    return null
  }
}
