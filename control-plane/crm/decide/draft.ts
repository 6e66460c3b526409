// The plan while it is being made: a working view that already shows every change decided so far, and what goes
// with them. The one permitted mutation of a decision; local to one call of `decide`, and never escapes it.
import { applyToWorkingView } from '../../cluster/apply.ts'
import { type Census, isCensusOf, takeCensus } from '../../cluster/census.ts'
import type { Change } from '../../cluster/change.ts'
import { compareText, holdersOf } from '../../cluster/grants.ts'
import type { Plan, PlannedJob } from '../../cluster/plan.ts'
import type { CompiledRules, NodeAffinity, Together } from '../../cluster/rules/compile.ts'
import { areRulesOf, type KnownRules } from '../../cluster/rules/known-rules.ts'
import type { UnderRules } from '../../cluster/rules/under-rules.ts'
import { startWorkingView, type WorkingView } from '../../cluster/working-view.ts'
import type { ClusterView, CommandView, NodeName, NodeView, Sid } from '../../cluster/view.ts'
import type { ServiceType } from '../../../shared/names.ts'
import type { ServiceState } from '../../../shared/service.ts'
import type { NodeClasses } from './node-classes.ts'
import { countPartner } from './partners.ts'
import { type KnownSurvey, surveyOf } from './survey.ts'
import { addService, type Loads } from './usage/loads.ts'
import { ViewIndex } from './view-index.ts'

export type Draft = {
  /** The view as it was read. */
  readonly read: ClusterView
  /** The view with every change so far; read it anew after each change. */
  readonly view: WorkingView
  readonly nowMs: number
  /** Names in a fixed order, so that the order of the view's keys decides nothing. */
  readonly sids: readonly Sid[]
  readonly nodeNames: readonly NodeName[]
  /** Memory of nodesOf: as they stood when so many of them had been replaced. */
  nodes: { nodesReplaced: number; list: readonly NodeView[] }
  /** Memory of survey.ts. */
  survey: KnownSurvey | null
  readonly index: ViewIndex
  readonly changes: Change[]
  readonly serviceNotes: Map<Sid, string>
  /** Of those, what stands whatever state the service goes to: it waits for proof that a node is dead. */
  readonly deathNotes: Map<Sid, { note: string; unlessIn: readonly ServiceState[] }>
  readonly nodeNotes: Map<NodeName, string>
  readonly challengeNotes: Map<NodeName, string>
  readonly jobs: PlannedJob[]
  /** Memory of scores.ts: how loaded each node is, kept up to date with every change. */
  loads: Loads | null
  /** Memory of compiled-rules.ts. */
  rules: CompiledRules | null
  underRules: UnderRules | null
  /** Memory of node-classes.ts; node states do not change once services are looked at. */
  readonly nodeClasses: Map<NodeAffinity | null, Map<ServiceType, NodeClasses>>
  /** Memory of partners.ts: how many of a set are at each node or on their way to it. */
  readonly together: Map<Together, Map<NodeName, number>>
  /** Memory of partners.ts: where services go that cannot move just yet. */
  readonly expected: Map<Sid, NodeName>
  /** Why each service changed last, for the commands that end with it. */
  readonly lastWhy: Map<Sid, string>
  /** Of stops that operators commanded. */
  readonly stopTimeouts: Map<Sid, number>
  nextRoundMs: number | null
  ids: number
}

/** What whoever decides round after round knows of a view before it is decided on. Of another view nothing is believed. */
export type Known = {
  census?: Census | null
  rules?: KnownRules | null
  /** Of those rules. */
  underRules?: UnderRules | null
}

/** Begins a plan for `view`. */
export function startDraft(view: ClusterView, known: Known = {}): Draft {
  const census = known.census && isCensusOf(known.census, view) ? known.census : takeCensus(view)
  const rules = known.rules && areRulesOf(known.rules, view) ? known.rules.compiled : null
  const isUnderThem =
    known.underRules?.services === view.services && known.underRules.rules === rules
  const nodes = inOrder(Object.values(view.nodes))
  const nodeNames = nodes.map(({ name }) => name)
  return {
    read: view,
    view: startWorkingView(view),
    nowMs: view.nowMs,
    sids: census.sids,
    nodeNames,
    nodes: { nodesReplaced: 0, list: nodes },
    survey: null,
    index: new ViewIndex(census),
    changes: [],
    serviceNotes: new Map(),
    deathNotes: new Map(),
    nodeNotes: new Map(),
    challengeNotes: new Map(),
    jobs: [],
    loads: null,
    rules,
    underRules: isUnderThem ? known.underRules! : null,
    nodeClasses: new Map(),
    together: new Map(),
    expected: new Map(),
    lastWhy: new Map(),
    stopTimeouts: new Map(),
    nextRoundMs: null,
    ids: 0,
  }
}

/** Decides `change`: applies it to the working view and puts it into the plan. */
export function decideChange(draft: Draft, change: Change): void {
  const sid = 'sid' in change ? change.sid : null
  if (sid !== null) count(draft, sid, -1)
  const holding = () => ('node' in change ? maybeHeldBy(draft, change.node) : [])
  applyToWorkingView(draft.view, change, holding)
  if (sid !== null) {
    count(draft, sid, 1)
    draft.lastWhy.set(sid, change.why)
  } else if (change.kind !== 'imbalance.changed') draft.loads = null // other nodes are online, or others run
  draft.changes.push(change)
}

/** What `node` holds as things stand in the plan, in the order of service ids. */
export function heldBy(draft: Draft, node: NodeName) {
  return holdersOf(draft.view.services, node, maybeHeldBy(draft, node))
}

/** What `node` may hold: what it held when the view was read, and whatever the plan has changed since. */
function maybeHeldBy(draft: Draft, node: NodeName): Sid[] {
  return [...draft.index.sidsOn(node), ...draft.view.services.changed()]
}

function count(draft: Draft, sid: Sid, by: 1 | -1): void {
  if (draft.loads !== null) addService(draft.loads, draft.view.services.get(sid), by)
  countPartner(draft, sid, by)
  if (by < 0) draft.expected.delete(sid)
}

/** These services and all that the plan has changed so far, each once, in order. */
export function withTouched(draft: Draft, sids: readonly Sid[]): Sid[] {
  return [...new Set([...sids, ...draft.lastWhy.keys()])].sort(compareText)
}

/** A token for an order or a challenge: unique for ever, because the round is. */
export function newId(draft: Draft): string {
  draft.ids += 1
  return `${draft.view.planeEpoch.number}.${draft.view.round}.${draft.ids}`
}

/** Says why a service waits. The last word in a round stands; silence clears the note. */
export function noteService(draft: Draft, sid: Sid, note: string): void {
  draft.serviceNotes.set(sid, note)
}

/** Asks for a round at `atMs`. What is due already and could not be done waits for the regular round. */
export function lookAgainAt(draft: Draft, atMs: number): void {
  if (atMs <= draft.nowMs) return
  if (draft.nextRoundMs === null || atMs < draft.nextRoundMs) draft.nextRoundMs = Math.ceil(atMs)
}

/**
 * All nodes in the order of their names, as they stand in the plan now: for passes over all of them, which would spend
 * their time looking up names. Who changes one on the way must look that one up again.
 */
export function nodesOf(draft: Draft): readonly NodeView[] {
  const { nodesReplaced, nodes } = draft.view
  if (draft.nodes.nodesReplaced !== nodesReplaced)
    draft.nodes = { nodesReplaced, list: draft.nodeNames.map((name) => nodes[name]!) }
  return draft.nodes.list
}

/** Views mostly come in order already, and looking is cheaper than sorting. */
function inOrder(nodes: NodeView[]): NodeView[] {
  const isSorted = nodes.every(({ name }, at) => at === 0 || nodes[at - 1]!.name < name)
  return isSorted ? nodes : nodes.sort((a, b) => compareText(a.name, b.name))
}

/** The node by its name, as it stands in the plan; undefined when it is no member any more. */
export function nodeNamed(draft: Draft, name: NodeName | null): NodeView | undefined {
  return name === null ? undefined : draft.view.nodes[name]
}

/** Ends or advances a command. */
export function setCommand(
  draft: Draft,
  command: CommandView,
  to: CommandView['status'],
  why: string,
): void {
  decideChange(draft, { kind: 'command.status', command: command.uid, sid: command.sid, to, why })
}

/** The plan: what was decided, and the notes that differ from those on record. */
export function finishDraft(draft: Draft): Plan {
  const serviceNotes: Plan['serviceNotes'] = {}
  // Whoever had no note, has none, and was not touched, keeps none.
  const sids = [...draft.index.census.lists.noted, ...draft.serviceNotes.keys()]
  for (const sid of withTouched(draft, sids)) {
    const status = draft.view.services.get(sid)?.status
    const note = draft.serviceNotes.get(sid) ?? ''
    if (status && status.note !== note) serviceNotes[sid] = note
  }
  const nodeNotes: Plan['nodeNotes'] = {}
  const challengeNotes: Plan['challengeNotes'] = {}
  for (const name of notedNodes(draft)) {
    const node = draft.view.nodes[name]!
    const note = draft.nodeNotes.get(name) ?? ''
    if (node.note !== note) nodeNotes[name] = note
    const waitsFor = draft.challengeNotes.get(name) ?? ''
    if (node.challenge && node.challenge.waitsFor !== waitsFor) challengeNotes[name] = waitsFor
  }
  const { changes, jobs, nextRoundMs } = draft
  return { changes, serviceNotes, nodeNotes, challengeNotes, jobs, nextRoundMs }
}

/** Of all others there is no note on record, and none was made; in order. */
function notedNodes(draft: Draft): NodeName[] {
  const restless = surveyOf(draft).restless.map(({ name }) => name)
  const noted = [...restless, ...draft.nodeNotes.keys(), ...draft.challengeNotes.keys()]
  return [...new Set(noted)].sort(compareText)
}
