// Idealised fence devices: each does what it is told, at once, and says so. Pure. Of a node that lives nothing is reported:
// it is not silent, and nobody switches it off.
import type { FencedDeviceView } from '../../cluster/fence-view.ts'
import { readingGapMs } from '../../cluster/fence-proof.ts'
import type { ClusterView, NodeName, NodeView } from '../../cluster/view.ts'

/** Carries out every order that nothing is reported of yet; the same view where there is none. */
export function obeyDevices(view: ClusterView, alive: ReadonlyMap<NodeName, unknown>): ClusterView {
  const ordered = Object.values(view.nodes).filter(
    ({ name, fenceOrder }) => fenceOrder?.report === null && !alive.has(name),
  )
  if (ordered.length === 0) return view
  const nodes = { ...view.nodes }
  for (const node of ordered) nodes[node.name] = switchedOff(view, node)
  return { ...view, nodes }
}

function switchedOff({ nowMs, settings }: ClusterView, node: NodeView): NodeView {
  const gapMs = readingGapMs(settings.timing)
  const devices = (node.fenceDevices ?? []).map(({ name, uid, expects }): FencedDeviceView => {
    const read = (ms: number) => ({
      ...{ state: 'off' as const, identity: expects, askedMs: ms, answeredMs: ms, at: '' },
    })
    const readings = [read(nowMs), read(nowMs + gapMs)]
    return { name, uid, before: 'on', commandedMs: nowMs, readings, fault: '' }
  })
  const report = { atMs: nowMs, outcome: 'off' as const, devices }
  return { ...node, fenceOrder: { ...node.fenceOrder!, report } }
}
