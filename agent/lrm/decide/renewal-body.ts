// What a renewal says of this node: what runs here, what was ended for good, which grants are to be confirmed, and up to
// which orders all that is an answer. Must never say less than what may be on the host.
import { serviceType } from '../../../shared/names.ts'
import type { LeaseRequest, Order, RunningService } from '../../../shared/protocol.ts'
import { isArmed } from './armed.ts'
import { cannotLook } from './blind.ts'
import type { Draft } from './draft.ts'
import { modeOf } from './ending.ts'
import { closedUpTo } from './grants.ts'
import type { Lrm } from './lrm.ts'
import { hasLookedFor } from './managed.ts'
import { isRemembered } from './met.ts'
import { isStable } from './records.ts'
import { wantsRelease } from './release.ts'

/** What a renewal says, but for its head and what is measured. */
export type Body = Omit<
  LeaseRequest,
  'clusterUuid' | 'nodeUid' | 'epoch' | 'bootId' | 'seq' | 'planeEpoch' | 'usage'
>

export function compose(draft: Draft): Body {
  const { lrm } = draft
  const release = wantsRelease(draft)
  const { watchdog } = lrm
  // SAFETY: a countdown that another program feeds guards nothing here.
  const armed = watchdog.class !== 'none' && (watchdog.open || watchdog.running)
  return {
    armed: armed && !release && !lrm.released,
    release,
    revision: revisionObeyed(lrm),
    lrmState: lrm.state,
    mode: modeOf(lrm),
    running: [...runningServices(draft), ...unansweredProbes(draft)],
    closed: closedGenerations(draft),
    confirms: isArmed(lrm) && !release ? draft.wishes : [],
    results: results(draft),
  }
}

/**
 * Orders that ask where services run are obeyed once a look that began after they came has ended: it attests (rule 7). So
 * are all orders that came with other managed services: their gates are in place then.
 */
function revisionObeyed(lrm: Lrm): number {
  const { desired, desiredLook, survey, renewal } = lrm
  if (desired === null) return 0
  const hasLooked = desired.probes.length === 0 || survey.seen >= desiredLook
  return hasLooked && hasLookedFor(lrm) ? desired.revision : renewal.saidRevision
}

function runningServices(draft: Draft): RunningService[] {
  return Object.values(draft.lrm.services).flatMap((service) => {
    const { sid, generation, phase, move } = service
    if (phase === 'idle') return []
    const isDoubt = phase === 'unseen' || (phase === 'running' && !isRemembered(draft.lrm, service))
    const state = isDoubt ? 'unknown' : phase
    const one = { sid, generation, state, stable: isStable(draft, service) }
    if (phase === 'migrating' && move?.progress) return [{ ...one, progress: move.progress }]
    if (phase === 'migrating' && move?.doubt) return [{ ...one, doubt: move.doubt.slice(0, 1000) }]
    if (phase === 'migrating' && move?.sent) return [{ ...one, sent: true as const }]
    // SAFETY: the address is leave for the source to begin, so it is told only under a confirm of this epoch.
    const isReady = phase === 'incoming' && draft.lrm.confirmed[sid] === generation
    return isReady && move?.address != null ? [{ ...one, address: move.address }] : [one]
  })
}

/**
 * What the orders ask for and its driver could not look for, or no driver here can: a doubt, never an absence. So one tool that
 * hangs holds up the services of its kind, and no other; and an agent that came back without a driver answers nothing for it.
 */
function unansweredProbes({ lrm }: Draft): RunningService[] {
  const { probes = [], services = [] } = lrm.desired ?? {}
  // An order to stop what was never granted here is such a question as well: of what was there before it was managed.
  const ungranted = services.filter(({ generation, state }) => generation === null && isStop(state))
  return [...new Set([...probes, ...ungranted.map(({ sid }) => sid)])]
    .filter((sid) => cannotLook(lrm, serviceType(sid)))
    .filter((sid) => (lrm.services[sid]?.phase ?? 'idle') === 'idle')
    .map((sid) => ({ sid, generation: 0, state: 'unknown', stable: false }))
}

function isStop(state: Order['state']): boolean {
  return state === 'request_stop' || state === 'stopped'
}

/** Only what is on disk, and only of services of which nothing is left. */
function closedGenerations(draft: Draft): { sid: string; generation: number }[] {
  const { lrm } = draft
  const closed: { sid: string; generation: number }[] = []
  for (const { sid, generation } of lrm.desired?.services ?? []) {
    if (generation === null || generation > closedUpTo(lrm, sid)) continue
    if ((lrm.closedAt[sid] ?? 0) > lrm.writtenVersion) continue
    if ((lrm.services[sid]?.phase ?? 'idle') === 'idle') closed.push({ sid, generation })
  }
  return closed
}

function results(draft: Draft): LeaseRequest['results'] {
  const { lrm } = draft
  return (lrm.desired?.services ?? []).flatMap(({ uid }) => {
    const result = lrm.journal.answers[uid]
    return result && (lrm.answeredAt[uid] ?? 0) <= lrm.writtenVersion ? [result] : []
  })
}
