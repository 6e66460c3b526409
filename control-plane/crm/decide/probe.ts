// Where does a service run that anybody may have started? Before its first grant (rule 7), and after a disarm in mode
// `ignore` (D8), the desired state asks the nodes. What one node runs is adopted there; what two run is left to a person;
// what nobody runs may be started once all have answered. Must never adopt one of two copies.
import { currentReport, generationOn, hasCurrentLease } from '../../cluster/grants.ts'
import { canLook, hasSaid, hasSaidOf, takenOverFrom } from '../../cluster/taken-over.ts'
import { whereToLook } from '../../cluster/doubt-words.ts'
import type { NodeName, ServiceStatus, ServiceView, Sid } from '../../cluster/view.ts'
import { serviceType } from '../../../shared/names.ts'
import type { ServiceState } from '../../../shared/service.ts'
import type { RunningService } from '../../../shared/protocol.ts'
import { claimants } from './claimants.ts'
import { decideChange, type Draft, lookAgainAt, noteService, withTouched } from './draft.ts'
import { isOperational, mayBeBack } from './node-states.ts'
import { seconds } from './quarantine.ts'
import { setFields, toState } from './transition.ts'

/** Nothing is asked any more, and no copy was found. */
export const answered = { probeRound: null, probesRoster: false, foundAs: null }

type Copy = { node: NodeName; generation: number; state: RunningService['state'] }

/** Takes up what the nodes have answered, for every service that is asked for. */
export function settleProbes(draft: Draft): void {
  for (const sid of withTouched(draft, draft.index.census.lists.probed)) {
    const service = draft.view.services.get(sid)
    if (!service?.status || service.status.probeRound === null) continue
    if (service.config?.requested !== 'started') continue
    if (service.grant !== null) settleHeld(draft, service, service.status)
    else adoptCopy(draft, service, service.status)
  }
}

/** Whether the nodes that answer now have said where they stand; the others are not waited for here. */
function haveAnswered(draft: Draft, sid: Sid, probeRound: number): boolean {
  return draft.nodeNames.every(
    (name) => !isAsked(draft, name, sid, false) || hasAnswered(draft, name, sid, probeRound),
  )
}

/**
 * Whose answer is waited for: of those that could run it, who answers now or soon, or, with `wholeRoster`, all. SAFETY: the
 * node that it was taken over from may run it, and knows of no grant: its silence is no answer, whatever it could run now.
 */
function isAsked(draft: Draft, name: NodeName, sid: Sid, wholeRoster: boolean): boolean {
  if (takenOverFrom(draft.view.services.get(sid)!) === name) return true
  if (!mayRun(draft, name, sid)) return false
  return wholeRoster || isOperational(draft, name) || answersSoonUntilMs(draft, name, sid) !== null
}

/**
 * Until when a node that does not answer is waited for all the same, or null. SAFETY: its agent was heard a moment ago (its
 * lease is not over, or it asks for its first or next one), and what somebody started there by hand would be seen
 * once it renews: too late, if a copy began elsewhere meanwhile. One that asks in vain is waited for no longer than a lease.
 */
function answersSoonUntilMs(draft: Draft, name: NodeName, sid: Sid): number | null {
  const node = draft.view.nodes[name]!
  if (isOperational(draft, name)) return null
  // Revoked before its deadline, for a fence device: until there is proof, or the deadline is over, it lives as well.
  const revokedUntilMs = Math.max(...node.revocations.map((one) => one.judgedUntilMs))
  if (revokedUntilMs > draft.nowMs) return revokedUntilMs
  if (!mayBeBack(draft, node)) return null
  if (hasCurrentLease(node, draft.nowMs)) return node.lease.judgedUntilMs
  const beganMs = Math.max(node.sinceMs, draft.view.services.get(sid)!.status!.sinceMs)
  const untilMs = beganMs + draft.view.settings.timing.leaseMs
  return untilMs > draft.nowMs ? untilMs : null
}

function mayRun(draft: Draft, name: NodeName, sid: Sid): boolean {
  return canLook(draft.view.nodes[name]!, { sid })
}

function hasAnswered(draft: Draft, name: NodeName, sid: Sid, probeRound: number): boolean {
  return hasSaidOf(draft.view.services.get(sid)!, draft.view.nodes[name]!, probeRound)
}

/** Who says, in answer to the question, that there is something of `sid` there. */
function copiesOf(draft: Draft, sid: Sid, probeRound: number): Copy[] {
  const copies: Copy[] = []
  for (const { node, found } of claimants(draft, sid)) {
    if (!hasSaid(draft.view.nodes[node]!, probeRound)) continue
    const { generation, state } = found
    if (currentReport(draft.view.nodes[node]!) !== null) copies.push({ node, generation, state })
  }
  return copies
}

/** Granted, and found running there and nowhere else: it is where it belongs. */
function settleHeld(draft: Draft, { sid, grant }: ServiceView, status: ServiceStatus): void {
  const { probeRound } = status
  const copies = copiesOf(draft, sid, probeRound!)
  const [copy, other] = copies
  if (other) return noteService(draft, sid, whyUnclear(sid, copies))
  if (copy?.state === 'unknown') return noteService(draft, sid, whyUnclear(sid, copies))
  // SAFETY: only what runs shows that it is where it belongs. Remains, or what is just ending, may be all that is left here
  // of one that was moved by hand to a node that does not answer (S13).
  if (copy?.state !== 'running' || !haveAnswered(draft, sid, probeRound!)) return
  const held = generationOn(grant, copy.node)
  const isIt = copy.generation === held || copy.generation === (status.foundAs ?? held)
  if (held === null || grant!.holders.length > 1 || !isIt) return
  const why = `${copy.node} says that it runs there, and nobody else does`
  setFields(draft, sid, { node: copy.node, probeRound: null, probesRoster: false }, why)
}

const adoptable: readonly ServiceState[] = ['started', 'request_start', 'fence', 'recovery']

/** Granted to nobody, and found running on one node: adopted there, under a new number. */
function adoptCopy(draft: Draft, { sid }: ServiceView, status: ServiceStatus): void {
  const { probeRound, state: from } = status
  if (!adoptable.includes(from)) return
  if (draft.view.planeEpoch.quarantineUntilMs !== null) return
  const copies = copiesOf(draft, sid, probeRound!)
  const [copy, other] = copies
  if (!copy || other || copy.state !== 'running') return
  const { node, generation: foundAs } = copy
  if (!isOperational(draft, node) || draft.view.nodes[node]!.watchdog.class === 'none') return
  if (!haveAnswered(draft, sid, probeRound!)) return
  const why = `${node} runs it already, and nobody else does`
  const set = { node, probeRound: null, probesRoster: false, foundAs }
  if (from === 'started') setFields(draft, sid, { ...set, running: false }, why)
  else toState(draft, sid, 'started', set, why)
  decideChange(draft, {
    kind: 'grant.adopted',
    sid,
    generation: draft.view.nextGeneration,
    foundAs,
    node,
    epoch: draft.view.nodes[node]!.lease.epoch,
    why,
  })
}

/** Why a service that is asked for may not be started yet; null: nobody runs it, or it is not asked for. */
export function probeObstacle(draft: Draft, sid: Sid): string | null {
  const { status } = draft.view.services.get(sid)!
  const probeRound = status?.probeRound ?? null
  if (status === null || probeRound === null) return null
  const copies = copiesOf(draft, sid, probeRound)
  if (copies.length > 1) return whyUnclear(sid, copies)
  const wholeRoster = status.probesRoster === true
  const missing = draft.nodeNames.filter(
    (name) => isAsked(draft, name, sid, wholeRoster) && !hasAnswered(draft, name, sid, probeRound),
  )
  const [copy] = copies
  if (missing.length > 0) {
    const what = wholeRoster ? 'it may run anywhere since the disarm' : 'first start'
    const until = untilAnswered(draft, sid, missing, wholeRoster)
    return `${what}: waits for ${missing.join(' ')} to say that nothing of it runs there${until}${whyNoLook(draft, sid)}`
  }
  if (copy === undefined) return null
  if (copy.state === 'unknown') return whyUnclear(sid, copies)
  const end = copy.state === 'running' ? 'which cannot protect it' : `where it is ${copy.state}`
  return `something of ${sid} is on ${copy.node}, ${end}: it must be stopped there first`
}

/** What ends the wait for those of `missing` that do not answer now: a person's word, or the time they are waited for. */
function untilAnswered(draft: Draft, sid: Sid, missing: NodeName[], wholeRoster: boolean): string {
  const silent = missing.filter((name) => !isOperational(draft, name))
  const source = takenOverFrom(draft.view.services.get(sid)!)
  const forGood = silent.find((name) => wholeRoster || name === source)
  if (forGood !== undefined) return `, or for: ha-manager fence confirm ${forGood}`
  if (silent.length === 0) return ''
  const untilMs = Math.max(...silent.map((name) => answersSoonUntilMs(draft, name, sid)!))
  lookAgainAt(draft, untilMs)
  return `, at most ${seconds(untilMs - draft.nowMs)} where it does not answer`
}

/**
 * The node it is taken over from has no driver for it, so that no answer comes while it lives; empty where that is not so. To
 * add it anew, as taken over from nobody, is a person's word that nothing of it runs there.
 */
export function whyNoLook(draft: Draft, sid: Sid): string {
  const source = takenOverFrom(draft.view.services.get(sid)!)
  const node = source === null ? undefined : draft.view.nodes[source]
  if (node === undefined || !isOperational(draft, node.name) || canLook(node, { sid })) return ''
  const type = serviceType(sid)
  return ` (its agent has no ${type} driver on ${node.name}, and cannot look: give it one; or see to it that nothing of ${sid} runs there, remove the service, and add it without --adopt)`
}

/**
 * Why none of these may be adopted. A node whose driver does not answer, or finds remains, has not said that it runs the
 * service: whoever were told so might stop the only copy there is.
 */
function whyUnclear(sid: Sid, copies: Copy[]): string {
  const names = (those: Copy[]) => those.map(({ node }) => node).join(' and ')
  const doubts = copies.filter(({ state }) => state === 'unknown')
  const sure = copies.filter(({ state }) => state !== 'unknown')
  const says = (those: Copy[]) => `${names(those)} ${those.length === 1 ? 'says' : 'say'}`
  const parts =
    sure.length === 0 ? [] : [`${says(sure)} that ${sure.length > 1 ? 'they run' : 'it runs'} it`]
  if (doubts.length > 0)
    parts.push(`${names(doubts)} cannot tell whether anything of it is there (${whereToLook(sid)})`)
  const what = sure.length > 1 ? ': stop all copies but one by hand' : ''
  return `${parts.join(', and ')}${what}`
}
