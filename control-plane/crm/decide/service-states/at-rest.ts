// started, as most services are in most rounds: it runs where it should and nothing has happened to it. Told by a few
// looks, so that a round costs as much as there is news, and not as much as there are services.
// Must never say so of a service for which `stepStarted` would change, note or ask for anything.
import type { OrderResult } from '../../../../shared/protocol.ts'
import type { NodeName, ServiceView, Sid } from '../../../cluster/view.ts'
import { compiledRules } from '../compiled-rules.ts'
import { type Draft, nodeNamed } from '../draft.ts'
import { type NodeClasses, nodeClasses } from '../node-classes.ts'
import { isOperational } from '../node-states.ts'
import { isPlacedWell } from '../place.ts'

/** What the services of one node share. It does not change while services are stepped. */
type OnNode = { isActive: boolean; failures: ReadonlyMap<string, OrderResult> }

/** Gives back the question for one decision's services. */
export function restJudge(draft: Draft): (service: ServiceView) => boolean {
  const { together, apart, nodeAffinity } = compiledRules(draft)
  const ruled = new Set<Sid>()
  for (const sids of [together, apart, nodeAffinity]) for (const sid of sids.keys()) ruled.add(sid)
  const known = new Map<NodeName, OnNode>()
  const unruled: { prefix: string; classes: NodeClasses }[] = []

  function onNode(node: NodeName): OnNode {
    let about = known.get(node)
    if (!about) {
      const isActive = isOperational(draft, node) && nodeNamed(draft, node)?.lease.mode === 'active'
      about = { isActive, failures: draft.index.failures(node) }
      known.set(node, about)
    }
    return about
  }

  /** Of services under no rule the drivers alone tell: there is no need to take each id apart. */
  function classesOf(sid: Sid): NodeClasses {
    for (const { prefix, classes } of unruled) if (sid.startsWith(prefix)) return classes
    const classes = nodeClasses(draft, sid)
    unruled.push({ prefix: sid.slice(0, sid.indexOf(':') + 1), classes })
    return classes
  }

  return ({ sid, config, status, grant }) => {
    if (config === null || status === null || grant === null) return false
    const { node, failedNodes } = status
    if (status.state !== 'started' || config.requested !== 'started' || node === null) return false
    if (!status.running || status.restart || status.probeRound !== null) return false
    if (status.fallbackNode !== null || failedNodes.length > 0) return false
    if (grant.holders.length !== 1 || grant.holders[0]!.node !== node) return false
    const { isActive, failures } = onNode(node)
    if (!isActive || failures.has(status.uid)) return false
    return ruled.has(sid) ? isPlacedWell(draft, sid) : classesOf(sid).best.has(node)
  }
}
