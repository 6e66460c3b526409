// Guests small enough for software emulation: one boot sector that counts. At each tick of the timer it sends the next number
// (one byte) down its serial line, so two copies of it, or a break, can be read from the file at the other end.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const begin = [
  0xfa, // cli
  0x31,
  0xc0,
  0x8e,
  0xd8,
  0x8e,
  0xc0,
  0x8e,
  0xd0,
  0xbc,
  0x00,
  0x7c, // segments 0, stack
  0xba,
  0x02,
  0x06,
  0xb8,
  0x00,
  0x01,
  0xef, // power management: the power button may be pressed
  0x31,
  0xdb,
  0xfb,
  0xfc, // count = 0; sti; cld
]
const tick = [
  0xf4, // hlt: until the next tick
  0xba,
  0x00,
  0x06,
  0xed,
  0xf6,
  0xc4,
  0x01,
  0x74,
  0x07, // pressed?
  0xba,
  0x04,
  0x06,
  0xb8,
  0x00,
  0x20,
  0xef, // then off
  0xba,
  0xf8,
  0x03,
  0x88,
  0xd8,
  0xee,
  0xfe,
  0xc3, // send the count, and count
]
/** Writes 6 MiB at each tick, more than a slow migration can follow. */
const dirty = [
  0x66,
  0xbf,
  0x00,
  0x00,
  0x20,
  0x00,
  0x66,
  0xb9,
  0x00,
  0x00,
  0x18,
  0x00, // edi = 2 MiB, ecx = 6 MiB / 4
  0x66,
  0x45,
  0x66,
  0x89,
  0xe8,
  0x67,
  0xf3,
  0x66,
  0xab, // eax = ++ebp; rep stosd
]

/** `talks`: its firmware boots from the network (`boot-server.mjs`), and holds one connection open. */
export type GuestKind = 'counts' | 'dirties' | 'deaf' | 'talks'

function bootSector(kind: GuestKind): Buffer {
  const loop = [...tick, ...(kind === 'dirties' ? dirty : [])]
  const code = [...begin, ...loop, 0xeb, 256 - (loop.length + 2)]
  const image = Buffer.alloc(1024 * 1024)
  Buffer.from(code).copy(image)
  image.writeUInt16BE(0x55aa, 510)
  return image
}

export type Guest = { name: string; uuid: string; xml: string; serial: string }

/** A guest whose disk and serial line are files in `folder`. `deaf`: it has no disk, and does not hear when it is asked to end. */
export function createGuest(folder: string, kind: GuestKind, uuid: string, name = 'vm100'): Guest {
  mkdirSync(folder, { recursive: true })
  const [disk, serial] = [join(folder, 'disk.img'), join(folder, 'serial')]
  if (kind !== 'deaf') writeFileSync(disk, bootSector(kind))
  writeFileSync(serial, '')
  const devices = [
    `<emulator>/usr/bin/qemu-system-x86_64</emulator>`,
    kind === 'deaf'
      ? ''
      : `<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>`,
    `<controller type='usb' model='none'/><memballoon model='none'/>`,
    kind === 'talks'
      ? `<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>`
      : '',
    `<serial type='file'><source path='${serial}' append='on'/></serial>`,
  ]
  const xml = `<domain type='qemu'>
  <name>${name}</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>${kind === 'talks' ? 64 : 16}</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='${kind === 'talks' ? 'network' : 'hd'}'/></os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>${devices.join('')}</devices>
</domain>`
  return { name, uuid, xml, serial }
}

/** How far it has counted, and where it was not the next number: a second copy, or a break. */
export function readCount({ serial }: Guest): { count: number; breaks: number } {
  const said = readFileSync(serial)
  let breaks = 0
  for (let at = 1; at < said.length; at++) if (said[at] !== (said[at - 1]! + 1) % 256) breaks++
  return { count: said.length, breaks }
}
