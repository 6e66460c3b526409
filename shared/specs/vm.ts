// How to run a `vm:` service: a virtual machine under libvirt.
import { z } from 'zod'

export const VmSpec = z.strictObject({})
export type VmSpec = z.infer<typeof VmSpec>
