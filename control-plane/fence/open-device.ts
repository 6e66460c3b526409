// From what operators set up to the device behind it: one file a kind.
import { FenceDeviceSetup } from '../../shared/fence-device.ts'
import type { FenceDevice } from './fence-device.ts'
import { fenceAgentDevice } from './fence-agent.ts'
import { libvirtDevice } from './libvirt.ts'
import { redfishDevice } from './redfish.ts'
import { simulatedDevice } from './simulated.ts'

/** Nothing is connected before the first call. */
export function openDevice(stored: {
  kind: string
  options: unknown
  secret: unknown
}): FenceDevice {
  const { kind, options, secret } = stored
  const setup = FenceDeviceSetup.parse({ kind, options, secret })
  switch (setup.kind) {
    case 'redfish':
      return redfishDevice(setup.options, setup.secret)
    case 'fence-agent':
      return fenceAgentDevice(setup.options, setup.secret)
    case 'libvirt':
      return libvirtDevice(setup.options)
    case 'simulated':
      return simulatedDevice(setup.options)
  }
}
