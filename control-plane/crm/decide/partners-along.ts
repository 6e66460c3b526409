// A commanded move takes along whom the service is kept together with (reference 2.10): each partner that is not there
// and not on its way there gets the same move. One that cannot move just now follows by its rule when it can.
import { headingTo } from '../../cluster/occupancy.ts'
import { ruleTitle } from '../../cluster/rules/reasons.ts'
import type { NodeName, NodeView, ServiceStatus, Sid } from '../../cluster/view.ts'
import { serviceType } from '../../../shared/names.ts'
import { compiledRules } from './compiled-rules.ts'
import type { Draft } from './draft.ts'
import { goesLive, startMove } from './moves.ts'
import { whyNotUsable } from './node-classes.ts'
import { isOperational } from './node-states.ts'

/** Why a partner of `sid` could not run on `target`, or null. */
export function whyPartnersCannot(draft: Draft, sid: Sid, target: NodeView): string | null {
  for (const partner of partnersElsewhere(draft, sid, target.name)) {
    const unfit = whyNotUsable(target, serviceType(partner), draft.nowMs)
    if (unfit !== null)
      return `node ${target.name} cannot take ${partner}, which ${ruleOf(draft, sid)} keeps together with it: ${unfit}`
  }
  return null
}

/** Sends the partners of `sid` after it, live where it is to be and they can; returns which. */
export function takePartnersAlong(
  draft: Draft,
  sid: Sid,
  target: NodeName,
  mayGoLive = false,
  isCommanded = true,
): Sid[] {
  return partnersElsewhere(draft, sid, target).filter((partner) => {
    const status = draft.view.services.get(partner)!.status!
    const why = `${ruleOf(draft, sid)} keeps it together with ${sid}, which was sent to ${target}`
    // Nothing of it runs: its move is over as soon as it has begun, and is told like one that is commanded.
    if (status.state === 'stopped') return startMove(draft, partner, target, why)
    if (!mayMove(draft, partner, status)) return false
    const isLive = mayGoLive && goesLive(draft, partner, isCommanded)
    return startMove(draft, partner, target, why, { command: null }, isLive)
  })
}

/** Partners that neither are on `target` nor on their way to it. */
function partnersElsewhere(draft: Draft, sid: Sid, target: NodeName): Sid[] {
  const set = compiledRules(draft).together.get(sid)
  return (set?.sids ?? []).filter((partner) => {
    const status = draft.view.services.get(partner)?.status
    if (partner === sid || !status) return false
    return (status.state === 'stopped' ? status.node : headingTo(status)) !== target
  })
}

function mayMove(draft: Draft, partner: Sid, { state, node, command }: ServiceStatus): boolean {
  const { config } = draft.view.services.get(partner)!
  const isStarted = state === 'started' && config?.requested === 'started'
  return isStarted && command === null && isOperational(draft, node)
}

function ruleOf(draft: Draft, sid: Sid): string {
  const { from } = compiledRules(draft).together.get(sid)!
  return from.map(ruleTitle).join(' and ')
}
