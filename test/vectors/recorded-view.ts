// A view as a recording implies it: its nodes, all healthy, and its services in their states.
import { z } from 'zod'
import type { NodeView, ServiceView } from '../../control-plane/cluster/view.ts'
import { type ServiceType, serviceTypes } from '../../shared/names.ts'
import { serviceStates, type ServiceState } from '../../shared/service.ts'
import { aNode, aService, type ServiceChanges } from '../decide/build-view.ts'

export const RecordedService = z.object({
  state: z.enum(Object.keys(serviceStates) as [ServiceState]),
  node: z.string(),
  target: z.string().nullable().default(null),
  running: z.boolean().default(false),
})

/** A node that can run whatever there is, also the services of the recordings that fail on demand. */
export function recordedNode(name: string, state: NodeView['state'] = 'online'): NodeView {
  return aNode(name, { drivers: [...serviceTypes, 'fa' as ServiceType], state })
}

export function recordedService(
  sid: string,
  { state, node, target, running }: z.infer<typeof RecordedService>,
  changes: ServiceChanges = {},
): ServiceView {
  const status = { state, node, target, running, ...changes.status }
  return aService(sid, node, { grant: false, ...changes, status })
}
