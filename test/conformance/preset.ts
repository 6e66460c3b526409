// A scenario that begins in the middle of things: what the cluster manager already believes of services, and what it must
// then have granted. Written past it, as a history that nobody played.
import type { ServiceStatus, ServiceView } from '../../control-plane/cluster/view.ts'
import type { ServiceState } from '../../shared/service.ts'
import type { World } from '../sim/world.ts'
import { sidHere } from './names.ts'
import type { Recorder } from './record.ts'
import type { ScenarioFile } from './scenario-file.ts'

/** Gives services the states they begin in. */
export function preset(world: World, { inputs }: ScenarioFile, recorder: Recorder): void {
  const { memory } = world.database
  for (const [recorded, given] of Object.entries(inputs.manager_status?.service_status ?? {})) {
    const sid = sidHere(recorded)
    const state = given.state as ServiceState
    const target = given.target ?? null
    memory.commit(1, (cluster) => {
      const service = cluster.services[sid]
      if (!service) return { state: cluster, result: undefined }
      const status: ServiceStatus = {
        ...{ state, node: given.node, target, sinceMs: memory.now(), uid: `preset.${sid}` },
        ...{ running: false, failedNodes: given.failed_nodes ?? [], command: null },
        ...{ stopTimeoutMs: null, restart: false, fallbackNode: given.maintenance_node ?? null },
        ...{
          moveFailures: 0,
          moveCancelled: false,
          retryAtMs: null,
          deadlineMs: null,
          probeRound: null,
        },
        ...{ groupUnavailable: false, note: '' },
      }
      const next: ServiceView = { ...service, status, everGranted: true, lastGeneration: 0 }
      return {
        state: { ...cluster, services: { ...cluster.services, [sid]: next } },
        result: undefined,
      }
    })
    recorder.begin(sid, { state, node: given.node, target })
  }
}
