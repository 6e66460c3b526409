// Every service in its turn: who is new, who is no longer managed, and what the file of its state says, until that
// changes nothing more.
import { assert } from '../../../shared/assert.ts'
import { compareText, reportOn } from '../../cluster/grants.ts'
import type { ServiceState } from '../../../shared/service.ts'
import type { HolderView, ServiceView, Sid } from '../../cluster/view.ts'
import { Agenda } from './agenda.ts'
import { decideChange, type Draft } from './draft.ts'
import { partnersOf } from './partners.ts'
import { restJudge } from './service-states/at-rest.ts'
import { stepError } from './service-states/error.ts'
import { stepFence } from './service-states/fence.ts'
import { stepFreeze } from './service-states/freeze.ts'
import { stepMigrate } from './service-states/migrate.ts'
import { stepMove } from './service-states/move.ts'
import { stepRecovery } from './service-states/recovery.ts'
import { stepRequestStart } from './service-states/request-start.ts'
import { stepRequestStartBalance } from './service-states/request-start-balance.ts'
import { stepRequestStop } from './service-states/request-stop.ts'
import { stepStarted } from './service-states/started.ts'
import type { Step } from './service-states/step.ts'
import { stepStopped } from './service-states/stopped.ts'
import { newStatus } from './transition.ts'

/** One file a state; a missing one is a compile error. */
const stepOf: Record<ServiceState, Step> = {
  request_start: stepRequestStart,
  request_start_balance: stepRequestStartBalance,
  started: stepStarted,
  request_stop: stepRequestStop,
  stopped: stepStopped,
  migrate: stepMigrate,
  relocate: stepMove,
  fence: stepFence,
  recovery: stepRecovery,
  freeze: stepFreeze,
  error: stepError,
}

/** The longest honest way through the states in one plan is fence, recovery, started and what follows; twice that. */
const mostSteps = 12

/** Takes up what is new and lets go of what is gone, before anything is asked about nodes. */
export function manageServices(draft: Draft): void {
  // Neither is done while the cluster is disarmed: what changed meanwhile is taken up when it is armed.
  if (draft.view.disarm !== null) return
  for (const sid of draft.index.census.lists.toManage) manage(draft, sid)
}

/**
 * Steps every service that is not at rest, round and round in the order of their ids, until nothing changes (reference
 * 2.5). After the first time only what changed is looked at again, and the partners of it; the first time those of its
 * partners whose turn is yet to come are looked at as well.
 * @param mayStep which of them, as they are when it is their turn
 */
export function stepServices(draft: Draft, mayStep: (sid: Sid) => boolean = () => true): void {
  const steps = new Map<Sid, number>()
  const { isAtRest, restless } = restJudge(draft)
  let agenda = new Agenda(restless())
  for (let isFirst = true; ; isFirst = false) {
    const changed = new Set<Sid>()
    for (let sid = agenda.next(); sid !== undefined; sid = agenda.next()) {
      const service = draft.view.services.get(sid)
      if (!service || isAtRest(service) || !mayStep(sid)) continue
      const changesBefore = draft.changes.length
      const wasExpected = draft.expected.has(sid)
      stepOnce(draft, service)
      // Its partners reckon with where it is to go from now on.
      if (!wasExpected && draft.expected.has(sid)) changed.add(sid)
      if (draft.changes.length > changesBefore) changed.add(sid)
      if (isFirst && changed.has(sid)) agenda.add(partnersOf(draft, sid))
      if (draft.changes.length === changesBefore) continue
      steps.set(sid, (steps.get(sid) ?? 0) + 1)
      assert(steps.get(sid)! < mostSteps, `${sid} never comes to rest`)
    }
    if (changed.size === 0) return
    for (const sid of [...changed])
      for (const partner of partnersOf(draft, sid)) changed.add(partner)
    agenda = new Agenda([...changed].sort(compareText))
  }
}

function stepOnce(draft: Draft, service: ServiceView): void {
  const { sid } = service
  if (!service.status || !service.config) return
  const { state } = service.status
  stepOf[state](draft, { sid, service, config: service.config, status: service.status })
}

/** T1–T3: takes up what was configured, and lets go of what was removed or is to be ignored. Grants stay open. */
function manage(draft: Draft, sid: Sid): void {
  const service = draft.view.services.get(sid)
  if (service === undefined) return // its last grant was closed in this plan, and nobody wants it
  const { config, status, grant } = service
  const isManaged = config !== null && config.requested !== 'ignored'
  if (status !== null && !isManaged) {
    const why = config === null ? 'it was removed' : 'it is to be ignored'
    decideChange(draft, { kind: 'service.dropped', sid, why })
    return
  }
  if (status !== null || !isManaged) return
  const isWanted = config.requested === 'started'
  const holder = likeliestHolder(draft, service)
  if (grant && holder) {
    const why = `it is new, and its grant ${grant.generation} on ${holder.node} is still open: adopted`
    const added = newStatus(draft, isWanted ? 'started' : 'request_stop', holder.node)
    // SAFETY: it was nobody's while it was not managed: whoever took it to another node by hand has told nobody.
    if (isWanted) Object.assign(added, asked(draft))
    decideChange(draft, { kind: 'service.added', sid, status: added, why })
    return
  }
  const at = config.node !== null && draft.view.nodes[config.node] ? config.node : null
  const added = newStatus(draft, isWanted ? 'request_start' : 'request_stop', at)
  // Nothing is known of what ran while it was not managed: its first start asks every node (rule 7).
  Object.assign(added, asked(draft))
  decideChange(draft, { kind: 'service.added', sid, status: added, why: 'it is new' })
}

/** It is asked for; on the whole roster where this round ends a disarm in mode `ignore` (D8). */
function asked({ read, view }: Draft) {
  const mayBeAnywhere = read.disarm?.mode === 'ignore' && read.disarm.effectiveMs !== null
  return { probeRound: view.round, ...(mayBeAnywhere && { probesRoster: true }) }
}

/** Of two halves of a forgotten move, the one that runs. */
function likeliestHolder(draft: Draft, service: ServiceView): HolderView | undefined {
  const holders = service.grant?.holders ?? []
  const runs = ({ node }: HolderView) =>
    reportOn(draft.view.nodes[node], service)?.state === 'running'
  return holders.find(runs) ?? holders[0]
}
