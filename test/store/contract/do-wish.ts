// The operators' half of the steps.
import type { ClusterView, CommandKind } from '../../../control-plane/cluster/view.ts'
import { ServiceCreate } from '../../../shared/operator-api.ts'
import { Settings } from '../../../shared/settings.ts'
import { profiles } from '../../../shared/timing.ts'
import type { SharedClock, Side } from './side.ts'
import { names, type Of, sids } from './steps.ts'

/** A wish about a service. */
export async function wish(side: Side, clock: SharedClock, view: ClusterView, step: Of<'service'>) {
  const { wishes } = side
  const sid = sids[step.sid]!
  const isThere = Boolean(view.services[sid]?.config)
  if (step.what === 'add') {
    if (isThere) return 'there'
    const group = step.group && view.groups['gr'] ? 'gr' : null
    const { requested } = step
    const adoptedFrom = step.adopts ? names[step.node]! : null
    const config = { spec: { command: ['x'] }, requested, group, adoptedFrom }
    await wishes.addService(ServiceCreate.parse({ sid, ...config }))
    return 'added'
  }
  if (!isThere) return 'missing'
  if (step.what === 'remove') await wishes.deleteService(sid)
  else if (step.what === 'request')
    await wishes.setRequested(sid, step.requested as 'started' | 'stopped')
  else
    await wishes.addCommand({
      uid: side.random.uuid(),
      kind: step.kind as CommandKind,
      sid,
      node: step.kind === 'relocate' ? names[step.node]! : null,
      stopTimeoutMs: step.kind === 'stop' ? 1_000 : null,
      ...{ status: 'pending', reason: '' },
    })
  return clock.nowMs
}

/** A wish about a node or the cluster, or another server under it. */
export async function change(side: Side, view: ClusterView, step: Of<'site'>) {
  const { wishes } = side
  const known = view.nodes[names[step.node]!]
  const group = { name: 'gr', nodes: { n1: 2, n2: 1 }, restricted: step.flag, nofailback: false }
  const common = { id: 'pin', resources: [sids[step.sid]!], disabled: false, comment: '' }
  switch (step.what) {
    case 'maintenance':
      return known && wishes.setMaintenance(known.uid, step.flag)
    case 'removeNode': {
      const isHeld = Object.values(view.services).some(({ grant }) =>
        grant?.holders.some((holder) => holder.node === known?.name),
      )
      return known && !isHeld ? wishes.removeNode(known.uid, known.name) : 'held'
    }
    case 'confirmDead':
      return known ? wishes.confirmDead(known.name, step.flag) : 'unknown'
    case 'group':
      if (!view.groups['gr']) return wishes.addGroup(group)
      return Object.values(view.services).some(({ config }) => config?.group === 'gr')
        ? 'in use'
        : wishes.deleteGroup('gr')
    case 'rule':
      if (view.rules.length > 0) return wishes.deleteRule('pin')
      return wishes.addRule({
        ...common,
        type: 'node-affinity',
        nodes: { n2: 1 },
        strict: step.flag,
      })
    case 'settings': {
      const profile = step.flag ? 'fast' : 'default'
      const quorum = step.sid === 0 ? 'majority' : 'plane'
      return wishes.settings(Settings.parse({ profile, timing: profiles[profile], quorum }))
    }
    case 'usage': {
      const services = [{ sid: sids[step.sid]!, cpus: 1, memoryBytes: 1 }]
      const usage = { node: { cpus: 1, memoryBytes: 2 }, services }
      return known && wishes.usage([{ clusterId: side.clusterId, nodeUid: known.uid, usage }])
    }
    default:
      return wishes.otherServer(step.which as 'restarted')
  }
}
