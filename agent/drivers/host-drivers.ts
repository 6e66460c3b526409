// Which drivers this host can have: each says what it lacks here. The one list of all of them.
import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import type { ServiceType } from '../../shared/names.ts'
import type { Log } from '../log.ts'
import type { Driver, DriverEvents } from './driver.ts'
import { createOcfDriver, usualOcfRoot } from './ocf/ocf-driver.ts'
import { createLxcDriver } from './lxc/lxc-driver.ts'
import { createPodmanDriver } from './podman/podman-driver.ts'
import type { Owner } from './process/members.ts'
import { createProcessDriver } from './process/process-driver.ts'
import { searchPath } from './run-command.ts'
import { createSystemdDriver } from './systemd/systemd-driver.ts'
import { createVmDriver } from './vm/vm-driver.ts'

export type HostOptions = {
  home: string
  /** On a file system that a reboot empties: grant files of the start gates. */
  runDirectory: string
  owner: Owner
  /** This node's name. */
  node: string
  bootId: string
  clock: Clock
  events: DriverEvents
  log: Log
  /** Of libvirt's daemon, for this process; and as the daemons of other nodes reach it. */
  libvirtUri: string
  libvirtAddress: string
}

export type HostDriver = {
  type: ServiceType
  /** What this host lacks for it; null: nothing. */
  whyNot(): string | null
  create(options: HostOptions): Driver
}

export const hostDrivers: HostDriver[] = [
  { type: 'process', whyNot: () => null, create: createProcessDriver },
  { type: 'systemd', whyNot: whyNoSystemd, create: createSystemdDriver },
  { type: 'ocf', whyNot: whyNoOcf, create: (options) => createOcfDriver('ocf', options) },
  {
    type: 'ocf-group',
    whyNot: whyNoOcf,
    create: (options) => createOcfDriver('ocf-group', options),
  },
  { type: 'ct', whyNot: whyNoLxc, create: createLxcDriver },
  { type: 'podman', whyNot: whyNoPodman, create: createPodmanDriver },
  { type: 'vm', whyNot: whyNoVm, create: createVmDriver },
]

/** All but plain commands put something on the host that only root may: gates, hooks, mounts. */
function whyNotRoot(): string | null {
  return process.getuid?.() === 0 ? null : 'the agent does not run as root'
}

function whyNoLxc(): string | null {
  return isInstalled('lxc-start') ? whyNotRoot() : 'lxc-start is not installed'
}

function whyNoSystemd(): string | null {
  if (!isInstalled('systemctl')) return 'systemctl is not installed'
  return existsSync('/run/systemd/system') ? whyNotRoot() : 'systemd is not its first process'
}

function whyNoPodman(): string | null {
  return isInstalled('podman') ? whyNotRoot() : 'podman is not installed'
}

function whyNoOcf(): string | null {
  const folder = join(usualOcfRoot, 'resource.d')
  return existsSync(folder) ? whyNotRoot() : `there are no resource agents in ${folder}`
}

function whyNoVm(): string | null {
  if (!isInstalled('setpriv')) return 'setpriv is not installed (Debian: util-linux)'
  if (!isInstalled('virsh')) return 'virsh is not installed (Debian: libvirt-clients)'
  if (!isInstalled('libvirtd') && !isInstalled('virtqemud'))
    return 'libvirt’s daemon is not installed (Debian: libvirt-daemon-system)'
  const qemu = ['qemu-system-x86_64', 'qemu-system-aarch64', 'qemu-kvm', '/usr/libexec/qemu-kvm']
  return qemu.some(isInstalled) ? whyNotRoot() : 'QEMU is not installed (Debian: qemu-system-x86)'
}

/**
 * The drivers to be used: those asked for, else all that this host can have.
 * @returns one sentence if one that was asked for cannot be had
 */
export function chooseDrivers(
  wanted: readonly ServiceType[] | null,
  known: readonly HostDriver[] = hostDrivers,
): { drivers: HostDriver[] } | { fault: string } {
  if (wanted === null) return { drivers: known.filter((one) => one.whyNot() === null) }
  const drivers: HostDriver[] = []
  for (const type of wanted) {
    const driver = known.find((one) => one.type === type)
    if (!driver) return { fault: `there is no driver for ${type} services` }
    const why = driver.whyNot()
    if (why !== null) return { fault: `this host cannot run ${type} services: ${why}` }
    drivers.push(driver)
  }
  return { drivers }
}

/** Whether a program is installed: an absolute path, or a name looked for as a shell does. */
export function isInstalled(program: string): boolean {
  const paths = program.startsWith('/')
    ? [program]
    : searchPath()
        .split(':')
        .map((folder) => join(folder, program))
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
