// How to run a `ct:` service (LXC) and a `podman:` service.
import { z } from 'zod'

export const ContainerSpec = z.strictObject({})
export type ContainerSpec = z.infer<typeof ContainerSpec>

export const PodmanSpec = z.strictObject({})
export type PodmanSpec = z.infer<typeof PodmanSpec>
