// Why something is as it is: the lines of the change log about it, and the evidence behind its grants.
import type { z } from 'zod'
import type { WhyBody } from '../../../shared/operator-api.ts'
import type { Tx } from '../deps.ts'
import { iso } from './iso.ts'

type Why = z.infer<typeof WhyBody>
type Line = { at: Date | string; line: string }
type EvidenceRow = Omit<Why['evidence'][number], 'decidedAt'> & { decidedAt: Date | string }

/** Enough to see how it came so; the whole of it is under /events. */
const lines = 50
const evidenceRows = 10

/**
 * The story of a service: its own lines, and those about nodes (fenced, proved dead) from the rounds in which it moved.
 */
export async function serviceStory(tx: Tx, clusterId: number, sid: string): Promise<Why['story']> {
  const rows = await tx<Line[]>`
    with own as (
      select id, round, at, line from change_log
      where cluster_id = ${clusterId} and sid = ${sid} order by id desc limit ${lines}
    ), held_by as (
      select distinct n.name from run_grant_holder h join node n on n.uid = h.node_uid
      where h.cluster_id = ${clusterId} and h.sid = ${sid}
    ), about_nodes as (
      select id, round, at, line from change_log
      where cluster_id = ${clusterId} and id >= (select min(id) from own) and sid is null
        and kind in ('node.state', 'lease.revoked', 'fence.ordered', 'evidence.recorded')
        and node in (select name from held_by)
        and (kind <> 'node.state' or round in (select round from own))
      order by id desc limit ${lines}
    )
    select at, line from (select * from own union select * from about_nodes) told
    order by id desc limit ${lines}`
  return told(rows)
}

/** The story of a node: its own lines. */
export async function nodeStory(tx: Tx, clusterId: number, node: string): Promise<Why['story']> {
  const rows = await tx<Line[]>`
    select at, line from change_log
    where cluster_id = ${clusterId} and node = ${node} order by id desc limit ${lines}`
  return told(rows)
}

/** Evidence by which holders of a service, or on a node, were closed; newest first. */
export async function evidenceAbout(
  tx: Tx,
  clusterId: number,
  subject: { sid: string } | { node: string },
): Promise<Why['evidence']> {
  const which =
    'sid' in subject
      ? tx`e.id in (select evidence_id from run_grant_holder
             where cluster_id = ${clusterId} and sid = ${subject.sid})`
      : tx`n.name = ${subject.node} and e.scope = 'node'`
  const rows = await tx<EvidenceRow[]>`
    select e.kind, n.name as node, e.epoch::float8 as epoch, e.generation::float8 as generation,
      e.decided_at as "decidedAt", e.facts
    from evidence e join node n on n.uid = e.node_uid
    where e.cluster_id = ${clusterId} and ${which}
    order by e.id desc limit ${evidenceRows}`
  return rows.map((row) => ({ ...row, decidedAt: iso(row.decidedAt) }))
}

/** Newest first from the database, oldest first for the reader. */
function told(rows: Line[]): Why['story'] {
  return rows.map(({ at, line }) => ({ at: iso(at), line })).reverse()
}
