// An agent's vm driver on one of the hosts of a test, as each further process of the same boot makes it.
import { join } from 'node:path'
import type { Driver, DriverEvents } from '../../../agent/drivers/driver.ts'
import { createVmDriver, type VmDriverOptions } from '../../../agent/drivers/vm/vm-driver.ts'
import { systemClock } from '../../../shared/clock.ts'
import type { LibvirtHost } from './libvirt-host.ts'

export type VmNodeOptions = Partial<VmDriverOptions> & {
  home: string
  owner: VmDriverOptions['owner']
  events: DriverEvents
}

export function driverOn(host: LibvirtHost, options: VmNodeOptions): Driver {
  return createVmDriver({
    runDirectory: join(options.home, 'run'),
    bootId: 'boot-1',
    clock: systemClock(),
    libvirtUri: host.uri,
    libvirtAddress: host.address,
    hooks: host.hooks,
    pidFiles: [host.pidFile],
    isOfHost: host.isOfHost,
    ...options,
  })
}
