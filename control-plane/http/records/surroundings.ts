// What a status shows beside the view: the last round, scheduled jobs, replicas.
import type { Surroundings } from '../../cluster/status.ts'
import type { Tx } from '../deps.ts'
import { iso } from './iso.ts'

/** As our own queues carry them. */
type JobData = { sid?: string; node?: string }

/** A replica that was not seen for so long is not shown. */
const forgottenAfter = '1 hour'

/** Reads the surroundings of one cluster. `withJobs` false: nothing is scheduled here. */
export async function loadSurroundings(
  tx: Tx,
  clusterId: number,
  withJobs: boolean,
): Promise<Surroundings> {
  const [crm, replicas, jobs, schedules] = await Promise.all([
    tx<{ replica: string | null; lastRoundMsAgo: number | null }[]>`
      select replica,
        (extract(epoch from clock_timestamp() - ran_at) * 1000)::int as "lastRoundMsAgo"
      from crm where cluster_id = ${clusterId}`,
    tx<{ name: string; url: string; seenMsAgo: number }[]>`
      select name, url, (extract(epoch from clock_timestamp() - seen_at) * 1000)::int as "seenMsAgo"
      from replica where seen_at > clock_timestamp() - ${forgottenAfter}::interval order by name`,
    withJobs ? scheduledJobs(tx, clusterId) : [],
    withJobs
      ? tx<Surroundings['schedules']>`select name as job, cron from pgboss.schedule order by name`
      : [],
  ])
  const last = crm[0] ?? { replica: null, lastRoundMsAgo: null }
  return { crm: last, replicas: [...replicas], jobs, schedules: [...schedules] }
}

/** Deadlines of moves that are over find nothing to do when they come due, and are not shown. */
async function scheduledJobs(tx: Tx, clusterId: number): Promise<Surroundings['jobs']> {
  const rows = await tx<{ job: string; data: JobData; startAfter: Date | string }[]>`
    select name as job, data, start_after as "startAfter" from pgboss.job j
    where state in ('created', 'retry') and name in ('fence-node', 'relocate-service')
      and (data->>'clusterId')::int = ${clusterId}
      and (data->>'kind' is distinct from 'deadline' or exists (
        select from service_status s where s.cluster_id = ${clusterId}
          and s.sid = j.data->>'sid' and s.record->>'uid' = j.data->>'uid'))
      and (j.name <> 'fence-node' or exists (
        select from node n join lease l on l.node_uid = n.uid
        where n.cluster_id = ${clusterId} and n.name = j.data->>'node' and n.removed_at is null
          and l.epoch = (j.data->>'epoch')::bigint))
    order by start_after, id limit 500`
  return rows.map(({ job, data, startAfter }) => ({
    job,
    about: about(data),
    startAfter: iso(startAfter),
  }))
}

function about({ sid, node }: JobData): string {
  if (sid && node) return `${sid} to ${node}`
  return sid ?? node ?? ''
}
