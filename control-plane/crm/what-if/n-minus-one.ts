// The standing question: if any one node died now, which of its services would run nowhere, and why? Answered from what
// placement itself asks, class by class, without playing anything: it is part of every status. A test holds it against
// what-if. What waits for a place already is not counted, and is not weighed against what would be lost. Pure.
import { isHandsOff } from '../../cluster/disarm.ts'
import { compareText, holderOn } from '../../cluster/grants.ts'
import { isAnswering } from '../../cluster/renewing.ts'
import { ruleTitle } from '../../cluster/rules/reasons.ts'
import type { ClusterView, NodeName, ServiceView, Sid } from '../../cluster/view.ts'
import type { NMinusOne } from '../../../shared/n-minus-one.ts'
import { type Draft, startDraft } from '../decide/draft.ts'
import { doubtAboutWatchdog } from '../decide/evidence.ts'
import { type NodeClasses, nodeClasses } from '../decide/node-classes.ts'
import { partnersApart } from '../decide/partners.ts'
import { noNode } from '../decide/placement-explained.ts'
import { quarantineNote } from '../decide/quarantine.ts'

/** What each node's death would strand; nodes whose services all have a second place are left out. */
export function nMinusOne(view: ClusterView): NMinusOne {
  const draft = startDraft(view)
  const memory = newMemory(draft)
  const stranded = new Map<NodeName, Map<string, Sid[]>>()
  let services = 0
  for (const sid of draft.sids) {
    const service = view.services[sid]!
    const node = placeOf(view, service)
    if (node === null) continue
    services += 1
    const why = whyStranded(memory, service, node)
    if (why === null) continue
    const reasons = stranded.get(node) ?? new Map<string, Sid[]>()
    stranded.set(node, reasons)
    const sids = reasons.get(why)
    if (sids) sids.push(sid)
    else reasons.set(why, [sid])
  }
  const rows = [...stranded.keys()]
    .sort(compareText)
    .flatMap((node) =>
      [...stranded.get(node)!].map(([why, sids]) => ({ node, why, services: sids })),
    )
  return { services, unprotected: rows }
}

/** Services of `node` that would find no other node were it emptied, and why; nothing is to be proved of one that lives. */
export function strandedWithout(view: ClusterView, name: NodeName): { sid: Sid; why: string }[] {
  const draft = startDraft(view)
  const memory = newMemory(draft)
  return draft.sids.flatMap((sid) => {
    const service = view.services[sid]!
    if (placeOf(view, service) !== name) return []
    const why = memory.common ?? whyNowhere(memory, service, name)
    return why === null ? [] : [{ sid, why }]
  })
}

/** What is remembered while all services are looked at: thousands share few answers. */
type Memory = {
  draft: Draft
  /** Per class of services and lost node: where they could still go, and why nowhere else. */
  left: Map<NodeClasses, Map<NodeName, Left>>
  /** Whatever node is lost: why nothing is recovered, or null. */
  common: string | null
  /** Per lost node: why nothing would be recovered without it, or null. */
  quorum: Map<NodeName, string | null>
  /** Per lost node: why nothing but a person would prove its death, or null. */
  proof: Map<NodeName, string | null>
}

function newMemory(draft: Draft): Memory {
  const common = obstacle(draft)
  return { draft, common, left: new Map(), quorum: new Map(), proof: new Map() }
}

type Left = { nodes: readonly NodeName[]; why: string }

/** Where a service runs that is to run; null: nowhere, or its node is lost already. */
function placeOf(view: ClusterView, { config, status, grant }: ServiceView): NodeName | null {
  if (config?.requested !== 'started' || !status || status.node === null) return null
  if (status.state === 'error' || holderOn(grant, status.node) === undefined) return null
  const node = view.nodes[status.node]
  return node && isAnswering(view, node) ? node.name : null
}

function whyStranded(memory: Memory, service: ServiceView, node: NodeName): string | null {
  const { draft } = memory
  const nothing =
    memory.common ?? remembered(memory.quorum, node, () => whyNoQuorum(draft.view, node))
  if (nothing !== null) return nothing
  const nowhere = whyNowhere(memory, service, node)
  if (nowhere !== null) return nowhere
  // What was never confirmed never ran: its end needs no other proof.
  if (!holderOn(service.grant, node)!.confirmed) return null
  return remembered(memory.proof, node, () => whyNoProof(draft, node))
}

/** Why placement would find no node for it but this one; null: it would. */
function whyNowhere(memory: Memory, service: ServiceView, node: NodeName): string | null {
  const { draft } = memory
  const { nodes, why } = leftFor(memory, nodeClasses(draft, service.sid), node)
  if (nodes.length === 0) return why
  const apart = partnersApart(draft, service.sid)
  if (apart.size > 0 && nodes.every((other) => apart.has(other)))
    return noNode(nodes, (other) => {
      const { sid, from } = apart.get(other)!
      return `${from.map(ruleTitle).join(' and ')}: apart from ${sid}`
    })
  return null
}

function remembered<Key, T>(known: Map<Key, T>, key: Key, find: () => T): T {
  if (!known.has(key)) known.set(key, find())
  return known.get(key) as T
}

/** The best class that is left when `lost` is gone. Only that class counts: placement looks at no other. */
function leftFor(memory: Memory, classes: NodeClasses, lost: NodeName): Left {
  const known = remembered(memory.left, classes, () => new Map<NodeName, Left>())
  return remembered(known, lost, () => {
    const { allowed, affinity, unfit } = classes
    const priority = (name: NodeName) => affinity?.priorities.get(name) ?? 0
    const others = [...allowed].filter((name) => name !== lost)
    const best = others.reduce((most, name) => Math.max(most, priority(name)), -Infinity)
    const nodes = others.filter((name) => priority(name) === best)
    const out = [...unfit.keys()].filter((name) => name !== lost)
    const why = out.length === 0 ? 'there is no other node' : noNode(out, textOf(unfit))
    return { nodes, why }
  })
}

const textOf = (unfit: NodeClasses['unfit']) => (name: NodeName) => unfit.get(name)?.text ?? null

/** What keeps the CRM from recovering anything, whoever died. */
function obstacle(draft: Draft): string | null {
  const { view } = draft
  if (isHandsOff(view)) return 'the cluster is disarmed: nothing is recovered'
  if (!view.quorate) return 'the cluster is not quorate: nothing is recovered'
  return quarantineNote(draft)
}

function whyNoProof(draft: Draft, name: NodeName): string | null {
  const node = draft.view.nodes[name]!
  const { epoch, bootId, guarded } = node.lease
  // As if its deadline were now: what would the watchdog prove?
  const revocation = { epoch, bootId, guarded, judgedUntilMs: draft.nowMs }
  const doubt = doubtAboutWatchdog(draft, node, revocation)
  return doubt && `nothing but a person would prove its death: ${doubt}`
}

function whyNoQuorum(
  { nodes, nowMs, settings }: Omit<ClusterView, 'services'>,
  lost: NodeName,
): string | null {
  if (settings.quorum === 'plane') return null
  const all = Object.values(nodes)
  const reporting = all.filter(
    ({ name, lease }) =>
      name !== lost &&
      lease.reportedMs !== null &&
      nowMs - lease.reportedMs < settings.timing.silentMs,
  )
  return reporting.length * 2 > all.length ? null : 'the others would not be quorate'
}
