// Runs the jobs. Every handler re-reads and is idempotent: a job may come twice, late or never. What a job leads to is
// decided by the CRM's next round; a handler only asks for that round, or writes an operator's wish whose time has come.
import type { Logger } from 'pino'
import type { Job, PgBoss } from 'pg-boss'
import type postgres from 'postgres'
import { z } from 'zod'
import type { Random } from '../../shared/random.ts'
import { checkDevices } from '../fence/check-devices.ts'
import { type FenceDeps, fenceNode } from '../fence/fence-node.ts'
import { switchOnNode } from '../fence/switch-on.ts'
import { pruneHistory } from './prune-history.ts'

export type JobDeps = {
  boss: PgBoss
  sql: postgres.Sql
  random: Random
  log: Logger
  ring(clusterId: number): void
  /** How orders to switch nodes off are carried out. */
  fence: FenceDeps
}

const FenceNode = z.object({
  clusterId: z.number(),
  node: z.string(),
  epoch: z.number(),
  order: z.string().optional(),
})
const SwitchOn = FenceNode.required()
const Deadline = z.object({
  kind: z.literal('deadline'),
  clusterId: z.number(),
  sid: z.string(),
  uid: z.string(),
})
const Scheduled = z.object({
  clusterId: z.number(),
  sid: z.string(),
  node: z.string(),
  actor: z.string(),
})

const polling = { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 1 }
/** A device that does not answer takes a minute: so many nodes are switched off at once, each by its own worker. */
const fencing = { ...polling, localConcurrency: 4 }

export async function workJobs(deps: JobDeps): Promise<void> {
  const { boss } = deps
  await boss.work('fence-node', fencing, (jobs) => each(jobs, (job) => fence(deps, job)))
  await boss.work('switch-on-node', fencing, (jobs) =>
    each(jobs, (job) => switchOnNode(deps.fence, SwitchOn.parse(job.data))),
  )
  await boss.work('relocate-service', polling, (jobs) => each(jobs, (job) => relocate(deps, job)))
  await boss.work('sweep', polling, async () => sweep(deps))
  const checks = { ...deps.fence, sql: deps.sql }
  await boss.work('check-fence-devices', polling, async () => checkDevices(checks))
  await boss.work('prune-history', polling, async () => pruneHistory(deps.sql))
  await boss.schedule('sweep', '* * * * *')
  await boss.schedule('check-fence-devices', '* * * * *')
  await boss.schedule('prune-history', '17 * * * *')
}

async function each(jobs: Job<unknown>[], handle: (job: Job<unknown>) => Promise<void>) {
  for (const job of jobs) await handle(job)
}

/**
 * An order for fence devices; or due at a fence deadline: if the node came back under that epoch there is nothing to do, and
 * the round sees that itself.
 */
async function fence(deps: JobDeps, job: Job<unknown>) {
  const { clusterId, node, epoch, order } = FenceNode.parse(job.data)
  if (order !== undefined) return fenceNode(deps.fence, { clusterId, node, epoch, order })
  const [row] = await deps.sql<{ epoch: number }[]>`
    select l.epoch::float8 as epoch from lease l join node n on n.uid = l.node_uid
    where n.cluster_id = ${clusterId} and n.name = ${node} and n.removed_at is null`
  if (!row || row.epoch !== epoch) return
  deps.log.info({ clusterId, node, epoch }, 'fence deadline: asking for a round')
  deps.ring(clusterId)
}

async function relocate(deps: JobDeps, job: Job<unknown>) {
  const deadline = Deadline.safeParse(job.data)
  // The round compares the move's own deadline; this only makes sure that there is a round.
  if (deadline.success) return deps.ring(deadline.data.clusterId)
  const { clusterId, sid, node, actor } = Scheduled.parse(job.data)
  // The job's id is the command's: a job that is run again writes nothing twice.
  const written = await deps.sql`
    insert into command (uid, cluster_id, kind, sid, node, status, actor)
    select ${job.id}, ${clusterId}, 'relocate', ${sid}, ${node}, 'pending', ${actor}
    where exists (select from service where cluster_id = ${clusterId} and sid = ${sid})
    on conflict (uid) do nothing`
  if (written.count > 0) deps.log.info({ clusterId, sid, node }, 'scheduled relocation is due')
  deps.ring(clusterId)
}

async function sweep(deps: JobDeps) {
  const rows = await deps.sql<{ id: number }[]>`select id from cluster`
  for (const { id } of rows) deps.ring(id)
}
