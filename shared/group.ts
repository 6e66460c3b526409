// A group: the nodes a service may or must run on, with priorities (D3).
import { z } from 'zod'
import { NodeName } from './names.ts'

export const GroupNodes = z
  .record(NodeName, z.number().int().min(0).max(1000))
  .refine((nodes) => Object.keys(nodes).length > 0, { error: 'nodes must name at least one node' })

/** Highest priority first; a bare node name counts as priority 0. */
export type GroupNodes = z.infer<typeof GroupNodes>
