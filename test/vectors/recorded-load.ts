// Loads as the recordings have them: nodes with what is in use of what they have, services with what they ask for and use.
import { z } from 'zod'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import type { Scheduling } from '../../shared/scheduling.ts'
import { buildView } from '../decide/build-view.ts'
import { type RecordedService, recordedNode, recordedService } from './recorded-view.ts'

export const RecordedLoad = z.object({
  cpu: z.number(),
  maxcpu: z.number(),
  mem: z.number(),
  maxmem: z.number(),
})

export const RecordedDemand = z.object({
  maxcpu: z.number(),
  maxmem: z.number(),
  cpu: z.number().optional(),
  mem: z.number().optional(),
})
export type RecordedDemand = z.infer<typeof RecordedDemand>

type Placed = [sid: string, place: z.infer<typeof RecordedService>, demand: RecordedDemand]

/** A view whose nodes are measured to be loaded like that, with whatever runs on them. */
export function loadedView(
  loads: Record<string, z.infer<typeof RecordedLoad>>,
  services: Placed[],
  scheduling: Partial<Scheduling> = {},
): ClusterView {
  const view = buildView({
    nodes: Object.entries(loads).map(([name, { cpu, mem, maxcpu, maxmem }]) => ({
      ...recordedNode(name),
      capacity: { cpus: maxcpu, memoryBytes: maxmem },
      usage: { cpus: cpu, memoryBytes: mem },
    })),
    services: services.map(([sid, place, { cpu, mem, maxcpu, maxmem }]) => ({
      ...recordedService(sid, place, {
        config: { figures: { cpus: maxcpu, memoryBytes: maxmem } },
        grant: true,
      }),
      usage: { cpus: cpu ?? maxcpu, memoryBytes: mem ?? maxmem },
    })),
  })
  Object.assign(view.settings.scheduling, { ...scheduling, mode: 'dynamic' })
  return view
}
