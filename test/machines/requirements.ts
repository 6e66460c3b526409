// What this host must have for the machines.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { kept } from './kernel.ts'

/** Programs and the packages of Debian they are in. */
const programs = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  modprobe: 'kmod',
  mksquashfs: 'squashfs-tools',
  'mkfs.ext4': 'e2fsprogs',
  ldd: 'libc-bin',
  perl: 'perl-base',
  strip: 'binutils',
}
/** Only until there is a kernel. */
const forKernel = { 'apt-get': 'apt', 'dpkg-deb': 'dpkg', depmod: 'kmod', xz: 'xz-utils' }

/** What is missing; null: nothing. */
export function whyNoMachines(): string | null {
  if (process.arch !== 'x64') return 'not an x86-64 host'
  const needed = Object.entries({ ...programs, ...(kept() === undefined ? forKernel : {}) })
  const missing = needed.filter(([program]) => !isInstalled(program))
  return missing.length === 0
    ? null
    : `not installed: ${missing.map(([program, name]) => `${program} (${name})`).join(', ')}`
}

function isInstalled(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return [...folders, '/usr/sbin', '/sbin'].some((folder) => existsSync(join(folder, program)))
}
