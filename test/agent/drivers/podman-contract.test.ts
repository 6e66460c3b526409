// The driver contract for containers of Podman.
import { driverContract } from './contract.ts'
import { createPodmanRig, whyNoPodman } from './podman-rig.ts'

driverContract('podman', whyNoPodman, createPodmanRig)
