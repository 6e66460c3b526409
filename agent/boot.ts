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
    virtual: !isSimulated && isVirtual(),
    capacity: { cpus: availableParallelism(), memoryBytes: totalmem() },
  }
}

/**
 * Whether a hypervisor may hold this machine. x86 says so itself; elsewhere firmware and device tree are asked. A
 * machine that cannot tell counts as virtual: its watchdog then proves nothing by itself (rule 13).
 */
export function isVirtual(): boolean {
  if (process.arch === 'x64') return /^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo') ?? '')
  if (read('/sys/hypervisor/type') !== null) return true
  const vendor = read('/sys/class/dmi/id/sys_vendor')
  const model = read('/sys/firmware/devicetree/base/model')
  const words = `${vendor ?? ''} ${read('/sys/class/dmi/id/product_name') ?? ''} ${model ?? ''}`
  if (/qemu|kvm|virtual|vmware|xen|bochs|amazon ec2|google|openstack/i.test(words)) return true
  return vendor === null && model === null
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
