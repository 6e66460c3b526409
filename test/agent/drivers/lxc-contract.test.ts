// The driver contract for containers of LXC: one whose configuration comes with the service, one that is there on the node.
import { driverContract } from './contract.ts'
import { createLxcRig, whyNoLxc } from './lxc-rig.ts'

driverContract('ct, its configuration with the service', whyNoLxc, () => createLxcRig(false))
driverContract('ct, there on the node', whyNoLxc, () => createLxcRig(true))
