// How to run a `systemd:` service: a unit of the node's service manager.
import { z } from 'zod'

export const SystemdSpec = z.strictObject({})
export type SystemdSpec = z.infer<typeof SystemdSpec>
