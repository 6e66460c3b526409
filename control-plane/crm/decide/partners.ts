// Where the partners of a service are: those it is kept together with, and those it stays apart from (reference 2.14,
// step 2). Counted per set of partners when first asked for, then kept up to date with every change of the plan.
import { holderOn } from '../../cluster/grants.ts'
import { headingTo, occupiedNodes, occupies } from '../../cluster/occupancy.ts'
import type { Apart, Together } from '../../cluster/rules/compile.ts'
import { ruleTitle } from '../../cluster/rules/reasons.ts'
import type { NodeName, ServiceView, Sid } from '../../cluster/view.ts'
import { compiledRules } from './compiled-rules.ts'
import type { Draft } from './draft.ts'

const nobody: ReadonlyMap<NodeName, number> = new Map()
const nowhere: ReadonlyMap<NodeName, Apart> = new Map()

/** How many partners that `sid` is kept together with are at a node, or on their way to it. */
export function partnersTogether(draft: Draft, sid: Sid): ReadonlyMap<NodeName, number> {
  const set = compiledRules(draft).together.get(sid)
  if (!set) return nobody
  const counts = headingsOf(draft, set)
  const own = placeOf(draft, sid)
  const others = new Map<NodeName, number>()
  for (const [node, count] of counts) {
    const rest = node === own ? count - 1 : count
    if (rest > 0) others.set(node, rest)
  }
  return others
}

function headingsOf(draft: Draft, set: Together): ReadonlyMap<NodeName, number> {
  let counts = draft.together.get(set)
  if (!counts) {
    counts = new Map()
    for (const member of set.sids) addHeading(draft, counts, member, 1)
    draft.together.set(set, counts)
  }
  return counts
}

/** The nodes used by services that `sid` stays apart from, each with one of them. */
export function partnersApart(draft: Draft, sid: Sid): ReadonlyMap<NodeName, Apart> {
  const partners = compiledRules(draft).apart.get(sid)
  if (!partners) return nowhere
  const nodes = new Map<NodeName, Apart>()
  // Of two in recovery neither is where it was last but in name: each would wait for the other.
  const isRecovering = isInRecovery(draft.view.services.get(sid))
  for (const partner of partners) {
    const service = draft.view.services.get(partner.sid)
    if (!service) continue
    if (isRecovering && isInRecovery(service)) continue
    for (const node of occupiedNodes(service)) if (!nodes.has(node)) nodes.set(node, partner)
    const expected = draft.expected.get(partner.sid)
    if (expected !== undefined && !nodes.has(expected)) nodes.set(expected, partner)
  }
  return nodes
}

/** Why `sid` has to wait before it starts on `node`: one that it stays apart from has not left it yet. null: nobody. */
export function whyNotYetOn(draft: Draft, sid: Sid, node: NodeName): string | null {
  const partner = (compiledRules(draft).apart.get(sid) ?? []).find(
    (one) => holderOn(draft.view.services.get(one.sid)?.grant ?? null, node) !== undefined,
  )
  if (partner === undefined) return null
  const rules = partner.from.map(ruleTitle).join(' and ')
  return `${partner.sid} is not gone from ${node} yet: apart by ${rules}`
}

/** It and all those it is kept together with are at `node`, or on their way there, as far as they are anywhere. */
export function areTogetherAt(draft: Draft, sid: Sid, node: NodeName): boolean {
  const set = compiledRules(draft).together.get(sid)
  if (!set) return true
  for (const [place, count] of headingsOf(draft, set)) if (count > 0 && place !== node) return false
  return true
}

/** One of those it stays apart from is on `node`, in whatever way. */
export function isOccupiedByOther(draft: Draft, sid: Sid, node: NodeName): boolean {
  for (const { sid: partner } of compiledRules(draft).apart.get(sid) ?? []) {
    const service = draft.view.services.get(partner)
    if (service && (occupies(service, node) || draft.expected.get(partner) === node)) return true
  }
  return false
}

/** Everyone whose placement looks at where `sid` is. */
export function partnersOf(draft: Draft, sid: Sid): Sid[] {
  const { together, apart } = compiledRules(draft)
  return [...(together.get(sid)?.sids ?? []), ...(apart.get(sid) ?? []).map((one) => one.sid)]
}

/** Keeps the counts: called with -1 before a change of `sid`, with 1 after it. */
export function countPartner(draft: Draft, sid: Sid, by: 1 | -1): void {
  if (draft.together.size === 0) return
  const set = compiledRules(draft).together.get(sid)
  const counts = set && draft.together.get(set)
  if (counts) addHeading(draft, counts, sid, by)
}

/**
 * It goes to `node` as soon as it can: its partners reckon with that, or whoever can move first would turn the order of
 * ids round, by which one of them gives way. null: it stays where it is.
 */
export function expectAt(draft: Draft, sid: Sid, node: NodeName | null): void {
  countPartner(draft, sid, -1)
  if (node === null) draft.expected.delete(sid)
  else draft.expected.set(sid, node)
  countPartner(draft, sid, 1)
}

function addHeading(draft: Draft, counts: Map<NodeName, number>, sid: Sid, by: 1 | -1): void {
  const node = placeOf(draft, sid)
  if (node !== null) counts.set(node, (counts.get(node) ?? 0) + by)
}

function placeOf(draft: Draft, sid: Sid): NodeName | null {
  const status = draft.view.services.get(sid)?.status
  return status ? (draft.expected.get(sid) ?? headingTo(status)) : null
}

/** Nothing of it runs anywhere, and it is looking for a node. */
function isInRecovery(service: ServiceView | undefined): boolean {
  return service?.status?.state === 'recovery' && service.grant === null
}
