// What the cluster manager believes of services when it begins: in the recording it takes up at once what is configured,
// and some scenarios begin in the middle of things. Written past it, as a history that nobody played.
import type { GrantView, ServiceStatus, ServiceView } from '../../control-plane/cluster/view.ts'
import type { ServiceState } from '../../shared/service.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'
import type { World } from '../sim/world.ts'
import { sidHere } from './names.ts'
import type { Guests } from './faults.ts'
import type { Recorder } from './record.ts'
import type { ScenarioFile } from './scenario-file.ts'

/** Where a service begins. */
type Begins = {
  state: ServiceState
  node: string
  target?: string | undefined
  maintenance_node?: string | undefined
  failed_nodes?: string[] | undefined
}

/** Gives services the states they begin in. Nothing runs unmanaged in the recording: nobody is asked for what is wanted. */
export function preset(world: World, { inputs }: ScenarioFile, recorder: Recorder): void {
  const given = inputs.manager_status?.service_status ?? {}
  for (const [recorded, { state, node }] of Object.entries(inputs.services_effective)) {
    if (state === 'ignored' || given[recorded]) continue
    const isWanted = state === 'started' || state === 'enabled'
    put(world, sidHere(recorded), { state: isWanted ? 'request_start' : 'request_stop', node })
  }
  for (const [recorded, begins] of Object.entries(given)) {
    const sid = sidHere(recorded)
    const state = begins.state as ServiceState
    put(world, sid, { ...begins, state })
    recorder.begin(sid, { state, node: begins.node, target: begins.target ?? null })
  }
  for (const [recorded, { node, state }] of Object.entries(inputs.services_effective))
    if (state !== 'ignored' && !given[recorded])
      recorder.begin(sidHere(recorded), { state: 'request_start', node, target: null })
}

/**
 * What is off is where its definition is (reference 2.6, T28): the recorded manager reads that in every round, ours is told of
 * it. Not while the cluster is disarmed.
 */
export function settleStopped(
  world: World,
  sid: string,
  { definedOn }: Guests,
  recorder: Recorder,
): void {
  const { memory } = world.database
  const { disarm, services } = world.operator.view()
  const node = definedOn.get(sid)
  const status = services[sid]?.status
  if (disarm !== null || node === undefined || status?.state !== 'stopped' || status.node === node)
    return
  memory.commit(
    1,
    (cluster) => {
      const service = cluster.services[sid]!
      const settled = { ...service, status: { ...service.status!, node } }
      return {
        state: { ...cluster, services: { ...cluster.services, [sid]: settled } },
        result: undefined,
      }
    },
    { rings: ['crm'] },
  )
  recorder.settleAt(sid, node)
}

/** On its way: the node it leaves answers for it, and has not given it away yet. */
function grantOn(cluster: ClusterState, node: string): GrantView | null {
  const stored = Object.values(cluster.nodes).find(({ view }) => view.name === node)
  const epoch = stored?.view.lease.epoch
  if (!epoch) return null
  return { generation: cluster.nextGeneration, holders: [{ node, epoch, confirmed: false }] }
}

function isOnItsWay(state: ServiceState): boolean {
  return state === 'migrate' || state === 'relocate'
}

/** A record of what is not configured any more. */
function leftOver(sid: string): ServiceView {
  return { sid, config: null, status: null, grant: null, everGranted: true }
}

function put(world: World, sid: string, begins: Begins): void {
  const { state, node } = begins
  const { memory } = world.database
  memory.commit(1, (cluster) => {
    const service = cluster.services[sid] ?? leftOver(sid)
    const status: ServiceStatus = {
      // What is on its way does not run, and moves as such.
      ...{
        state: state === 'migrate' ? 'relocate' : state,
        node,
        target: begins.target ?? null,
        sinceMs: memory.now(),
      },
      ...{ uid: `preset.${sid}`, running: false, failedNodes: begins.failed_nodes ?? [] },
      ...{ command: null, stopTimeoutMs: null, restart: false },
      ...{ fallbackNode: begins.maintenance_node ?? null, moveFailures: 0, moveCancelled: false },
      ...{ retryAtMs: null, deadlineMs: null, groupUnavailable: false, note: '' },
      // What is to be off may be running: its node says so, or stops it.
      probeRound: state === 'request_stop' ? cluster.round + 1 : null,
    }
    const grant = isOnItsWay(state) ? grantOn(cluster, node) : service.grant
    const next: ServiceView = { ...service, status, grant }
    const services = { ...cluster.services, [sid]: next }
    // As if it had been granted before: only what is new is asked for everywhere.
    const lastGenerations = { ...cluster.lastGenerations, [sid]: grant?.generation ?? 0 }
    const nextGeneration = cluster.nextGeneration + 1
    const changed = { services, lastGenerations, nextGeneration }
    return { state: { ...cluster, ...changed }, result: undefined }
  })
}
