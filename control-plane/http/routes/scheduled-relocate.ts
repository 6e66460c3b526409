// A relocation asked for a later time: a job, enqueued in the transaction that accepted it. The job carries names only;
// when it is due its handler looks at the world again.
import type { Context } from 'hono'
import { refuseOperation } from '../../intake/operation-wish.ts'
import { refuse } from '../../intake/refusal.ts'
import type { Env } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { write } from '../write.ts'

export type ScheduledRelocate = { sid: string; node: string; at: string }

/** Enqueues `relocate-service` for later. */
export function scheduleRelocate(deps: OperatorDeps, c: Context<Env>, wish: ScheduledRelocate) {
  const { sid, node, at } = wish
  const detail = { job: 'relocate-service', sid, node, at }
  return write(deps, c, { status: 202, detail }, async ({ tx, view, clusterId, actor }) => {
    accepted(refuseOperation(view, { kind: 'relocate', sid, node, later: true }))
    if (Date.parse(at) <= view.nowMs)
      accepted(refuse('in-the-past', `at is ${at}: that is over; leave it out to move it now`))
    if (!(await tx.enqueueRelocation({ clusterId, sid, node, at, actor })))
      accepted(
        refuse('jobs-unavailable', 'this replica runs without jobs: nothing can be scheduled'),
      )
    return { scheduled: { job: 'relocate-service', sid, node, at } }
  })
}
