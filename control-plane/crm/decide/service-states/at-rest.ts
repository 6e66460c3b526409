// started, as most services are in most rounds: it runs where it should and nothing has happened to it. Told by a few
// looks, so that a round costs as much as there is news, and not as much as there are services.
// Must never say so of a service for which `stepStarted` would change, note or ask for anything.
import type { OrderResult } from '../../../../shared/protocol.ts'
import type { ServiceType } from '../../../../shared/names.ts'
import { compareText } from '../../../cluster/grants.ts'
import { isSettled } from '../../../cluster/settled.ts'
import type { NodeName, ServiceView, Sid } from '../../../cluster/view.ts'
import { compiledRules } from '../compiled-rules.ts'
import { type Draft, nodeNamed } from '../draft.ts'
import { classesOfType, nodeClasses } from '../node-classes.ts'
import { isOperational } from '../node-states.ts'
import { isPlacedWell } from '../place.ts'

/** What the services of one node share. It does not change while services are stepped. */
type OnNode = { isActive: boolean; failures: ReadonlyMap<string, OrderResult> }

export type RestJudge = {
  /** It is at rest, as it stands in the plan. */
  isAtRest: (service: ServiceView) => boolean
  /** All that are not, and few that are: who is to be asked one by one, in order. */
  restless: () => Sid[]
}

/** The judge of one decision's services. */
export function restJudge(draft: Draft): RestJudge {
  const { together, apart, nodeAffinity } = compiledRules(draft)
  const ruled = new Set<Sid>()
  for (const sids of [together, apart, nodeAffinity]) for (const sid of sids.keys()) ruled.add(sid)
  const known = new Map<NodeName, OnNode>()

  function onNode(node: NodeName): OnNode {
    let about = known.get(node)
    if (!about) {
      const isActive = isOperational(draft, node) && nodeNamed(draft, node)?.lease.mode === 'active'
      about = { isActive, failures: draft.index.failures(node) }
      known.set(node, about)
    }
    return about
  }

  function isAtRest(service: ServiceView): boolean {
    if (!isSettled(service)) return false
    const { sid, status } = service
    const node = status!.node!
    const { isActive, failures } = onNode(node)
    if (!isActive || failures.has(status!.uid)) return false
    return ruled.has(sid) ? isPlacedWell(draft, service) : nodeClasses(draft, sid).best.has(node)
  }

  /** Settled services that are under no rule and that nothing has changed: what holds for one of a type, holds for all. */
  function areAtRest(node: NodeName, type: ServiceType): boolean {
    const { isActive, failures } = onNode(node)
    return isActive && failures.size === 0 && classesOfType(draft, type).best.has(node)
  }

  function restless(): Sid[] {
    const { lists, nodes } = draft.index.census
    const sids = new Set([...lists.unsettled, ...draft.view.services.changed(), ...ruled])
    for (const [node, { settled }] of nodes)
      for (const [type, those] of settled)
        if (!areAtRest(node, type)) for (const sid of those) sids.add(sid)
    return [...sids].sort(compareText)
  }

  return { isAtRest, restless }
}
