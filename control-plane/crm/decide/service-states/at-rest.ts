// started, as most services are in most rounds: it runs where it should and nothing has happened to it. Told by a few
// looks, so that a round costs as much as there is news, and not as much as there are services.
// Must never say so of a service for which `stepStarted` would change, note or ask for anything.
import type { OrderResult } from '../../../../shared/protocol.ts'
import type { ServiceType } from '../../../../shared/names.ts'
import { compareText } from '../../../cluster/grants.ts'
import { isAnswering } from '../../../cluster/renewing.ts'
import { isSettled } from '../../../cluster/settled.ts'
import type { NodeName, ServiceView, Sid } from '../../../cluster/view.ts'
import { compiledRules, underRules } from '../compiled-rules.ts'
import { type Draft, nodeNamed } from '../draft.ts'
import { classesOf, classesOfType, nodeClasses } from '../node-classes.ts'
import { partnersOf } from '../partners.ts'
import { isPlacedWell } from '../place.ts'
import { surveyOf } from '../survey.ts'

/** What the services of one node share. It does not change while services are stepped. */
type OnNode = { isActive: boolean; failures: ReadonlyMap<string, OrderResult> }

export type RestJudge = {
  /** It is at rest, as it stands in the plan. */
  isAtRest: (service: ServiceView) => boolean
  /** All that are not, and few that are: who is to be asked one by one, in order. What the plan does meanwhile adds to it. */
  restless: () => Sid[]
}

/** What the plan has changed or means to move so far, and those whose placement looks at where that is. */
function newsInPlan(draft: Draft): Set<Sid> {
  const news = new Set([...draft.view.services.changed(), ...draft.expected.keys()])
  for (const sid of [...news]) for (const partner of partnersOf(draft, sid)) news.add(partner)
  return news
}

/** All others are calm, may run whatever is on them and have answered nothing but `ok`: what is settled there is at rest. */
function doubtfulNodes(draft: Draft): Set<NodeName> {
  const { settledTypes, strangers, reports } = draft.index.census
  const nodes = new Set([...strangers, ...reports.failing])
  for (const { name } of surveyOf(draft).restless) nodes.add(name)
  for (const type of settledTypes.keys())
    for (const node of classesOfType(draft, type).unfit.keys()) nodes.add(node)
  return nodes
}

/** Settled, as the view was read, where their rules do not want them, as the nodes are now; some that it does among them. */
function* againstRules(draft: Draft): Iterable<Sid> {
  const { types, placed, belowTop, scattered, crowded } = underRules(draft)
  // On a node that its rule puts above all others it is where it should be, unless nothing may run there now.
  for (const type of types)
    for (const node of classesOfType(draft, type).unfit.keys())
      for (const group of placed.get(node)?.values() ?? [])
        if (group.type === type) yield* group.sids
  for (const { type, node, affinity, sids } of belowTop.values())
    if (!classesOf(draft, type, affinity).best.has(node)) yield* sids
  for (const { sids } of scattered) yield* sids
  yield* crowded.keys()
}

/** The judge of one decision's services. */
export function restJudge(draft: Draft): RestJudge {
  const { together, apart, nodeAffinity } = compiledRules(draft)
  const isRuled = (sid: Sid) => nodeAffinity.has(sid) || together.has(sid) || apart.has(sid)
  const known = new Map<NodeName, OnNode>()

  function onNode(node: NodeName): OnNode {
    let about = known.get(node)
    if (!about) {
      const now = nodeNamed(draft, node)
      const isActive =
        now !== undefined && isAnswering(draft.view, now) && now.lease.mode === 'active'
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
    return isRuled(sid) ? isPlacedWell(draft, service) : nodeClasses(draft, sid).best.has(node)
  }

  /** Settled services that are under no rule and that nothing has changed: what holds for one of a type, holds for all. */
  function areAtRest(node: NodeName, type: ServiceType): boolean {
    const { isActive, failures } = onNode(node)
    return isActive && failures.size === 0 && classesOfType(draft, type).best.has(node)
  }

  function restless(): Sid[] {
    const { lists, nodes } = draft.index.census
    const sids = new Set([...lists.unsettled, ...newsInPlan(draft)])
    for (const node of doubtfulNodes(draft))
      for (const [type, those] of nodes.get(node)?.settled ?? [])
        if (!areAtRest(node, type)) for (const sid of those) sids.add(sid)
    for (const sid of againstRules(draft)) sids.add(sid)
    return [...sids].sort(compareText)
  }

  return { isAtRest, restless }
}
