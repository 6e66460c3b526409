// The services of the cluster that somebody else than this agent could start here, and the start gates that keep them from
// it (rule 12, S8). The plane tells with its orders which list it has; the list itself is read when it is another one, kept on
// disk for the next boot, and handed to the drivers with every look.
// SAFETY: nothing is confirmed or started, and nothing attested, before a look that began with the list of the orders in
// hand has ended: the gates are in place then.
import { serviceType, type ServiceType } from '../../../shared/names.ts'
import { type ManagedServices, noManaged } from '../../../shared/protocol.ts'
import { type Draft, say, wakeAt } from './draft.ts'
import { leavesGates, type Lrm, type ManagedView, type Sid } from './lrm.ts'

const firstPauseMs = 500
const longestPauseMs = 10_000

/** What a process begins with: the list as an earlier one left it. Its first look puts the gates in place. */
export function managedFrom(left: ManagedServices | null): ManagedView {
  const services = left?.services ?? []
  const look: ManagedView['look'] = {}
  for (const { sid } of services) look[serviceType(sid)] = 1
  const list = { services, digest: left?.digest ?? null, look }
  return { ...list, told: null, asking: false, dueMs: 0, failures: 0 }
}

/** An answer to the desired state came with the digest of the list; null: the plane is of an older version. */
export function noteTold(draft: Draft, told: string | null): void {
  const { managed } = draft.lrm
  if (told === managed.told) return
  managed.told = told
  managed.dueMs = draft.nowMs
}

/** Reads the list, if it is another than the one in hand. */
export function stepManaged(draft: Draft): void {
  const { managed } = draft.lrm
  if (isCurrent(draft.lrm) || managed.asking) return
  if (draft.nowMs < managed.dueMs) return wakeAt(draft, managed.dueMs)
  managed.asking = true
  draft.effects.push({ kind: 'ask-managed' })
}

/** The list was read, and is on disk. */
export function noteManaged(draft: Draft, { digest, services }: ManagedServices): void {
  const { lrm } = draft
  const { managed } = lrm
  managed.asking = false
  const changed = changedTypes(managed.services, services)
  managed.services = services
  managed.digest = digest
  for (const type of changed) managed.look[type] = lrm.survey.begun + 1
  if (changed.size > 0) lrm.survey.dueMs = draft.nowMs
  // Another one than the orders came with: theirs will be told anew.
  managed.failures = isCurrent(lrm) ? 0 : managed.failures + 1
  managed.dueMs = draft.nowMs + pauseMs(managed.failures)
  say(draft, 'managed services read', { digest, services: services.length })
}

/** Whether gates are to be put in by a look that has not begun: of a new list, or again, in a cluster that is armed. */
export function areGatesDue(lrm: Lrm): boolean {
  return (
    !leavesGates(lrm) && Object.values(lrm.managed.look).some((look) => look > lrm.survey.begun)
  )
}

export function noteManagedFailed(draft: Draft, why: string): void {
  const { managed } = draft.lrm
  managed.asking = false
  if (managed.failures === 0) say(draft, 'managed services not read', { why }, 'warn')
  managed.failures += 1
  managed.dueMs = draft.nowMs + pauseMs(managed.failures)
}

const pauseMs = (failures: number) =>
  Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 10))

/** Whether the list in hand is the one that the orders came with. */
export function isCurrent({ managed: { told, digest, services } }: Lrm): boolean {
  if (told === null || told === digest) return true
  return told === noManaged && services.length === 0
}

/** Whether the newest list that the orders told of is in hand, and names this service. */
export function isManaged(lrm: Lrm, sid: Sid): boolean {
  return isCurrent(lrm) && lrm.managed.services.some((one) => one.sid === sid)
}

/** With a new epoch the plane may take this node for one that can run more: the list is read anew. */
export function readAgain({ managed }: Lrm): void {
  managed.digest = null
  managed.dueMs = 0
}

/** Whether services of this kind may be confirmed and started: its driver has answered a look that began with the list. */
export function isGated(lrm: Lrm, sid: Sid): boolean {
  const type = serviceType(sid)
  return isCurrent(lrm) && (lrm.survey.answered[type] ?? 0) >= (lrm.managed.look[type] ?? 0)
}

/** How many looks that began with the list its driver has not answered, without a break; 0: its gates are in place, or not due. */
export function ungatedLooks({ survey, managed }: Lrm, sid: Sid): number {
  const type = serviceType(sid)
  const look = managed.look[type] ?? 0
  return (survey.answered[type] ?? 0) >= look ? 0 : Math.max(0, survey.seen - look + 1)
}

/** Whether a look that began with the list has ended, whoever was blind in it; or gates are left as they are. */
export function hasLookedFor(lrm: Lrm): boolean {
  const { managed, survey } = lrm
  if (!isCurrent(lrm) || leavesGates(lrm)) return isCurrent(lrm)
  return Object.values(managed.look).every((look) => survey.seen >= look)
}

function changedTypes(before: ManagedView['services'], after: ManagedView['services']) {
  const known = new Map(before.map(({ sid, spec }) => [sid, JSON.stringify(spec)]))
  const changed = new Set<ServiceType>()
  for (const { sid, spec } of after)
    if (known.get(sid) !== JSON.stringify(spec)) changed.add(serviceType(sid))
  return changed
}
