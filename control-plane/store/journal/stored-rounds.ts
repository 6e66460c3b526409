// The rows of the decision journal: written, read back whole, listed, and pruned.
import type postgres from 'postgres'
import type { Plan } from '../../cluster/plan.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { completedFrom, type Difference } from './difference.ts'
import { unpack } from './round-text.ts'

type Sql = postgres.Sql | postgres.TransactionSql

/** `base`: the round whose view this one is completed from; null: it is whole. */
export type PackedRound = { view: Buffer; plan: Buffer; base: number | null }
export type StoredRound = { view: ClusterView; plan: Plan }

/** Of one cluster: the newest so many rounds, for so long, and no more than so much of them. */
export const keep = { rounds: 2_000, days: 14, bytes: 256 * 1024 * 1024 }

/** False where the base is not there (any more): nothing was stored. */
export async function insertRound(
  sql: Sql,
  { cluster, round, nowMs }: ClusterView,
  { view, plan, base }: PackedRound,
): Promise<boolean> {
  const inserted = await sql`
    insert into round_journal (cluster_id, round, at, view, plan, base_round)
    select ${cluster.id}, ${round}, from_epoch_ms(${nowMs}), ${view}::bytea, ${plan}::bytea,
      ${base}::bigint
    where ${base}::bigint is null or exists (
      select from round_journal b where b.cluster_id = ${cluster.id} and b.round = ${base}::bigint)
    on conflict do nothing`
  return inserted.count === 1
}

/** The stored round, or null. */
export async function loadRound(
  sql: Sql,
  clusterId: number,
  round: number,
): Promise<StoredRound | null> {
  const [row] = await sql<(PackedRound & { baseView: Buffer | null })[]>`
    select j.view, j.plan, j.base_round::float8 as base, b.view as "baseView"
    from round_journal j
    left join round_journal b on b.cluster_id = j.cluster_id and b.round = j.base_round
    where j.cluster_id = ${clusterId} and j.round = ${round}`
  if (!row || (row.base !== null && row.baseView === null)) return null
  const plan = await unpack<Plan>(row.plan)
  if (row.baseView === null) return { view: await unpack<ClusterView>(row.view), plan }
  const difference = await unpack<Difference>(row.view)
  return { view: completedFrom(difference, await unpack<ClusterView>(row.baseView)), plan }
}

export type RoundRow = {
  round: number
  at: Date | string
  bytes: number
  changes: number
  /** The first of its changes. */
  line: string
}

/** The newest stored rounds before `before`, newest first. */
export async function listRounds(
  sql: Sql,
  clusterId: number,
  before: number | null,
  limit: number,
): Promise<RoundRow[]> {
  return sql<RoundRow[]>`
    select j.round::float8 as round, j.at,
      (octet_length(j.view) + octet_length(j.plan))::float8 as bytes,
      coalesce(l.changes, 0)::int as changes, coalesce(l.lines[1], '') as line
    from (
      select * from round_journal
      where cluster_id = ${clusterId} and (${before}::bigint is null or round < ${before}::bigint)
      order by round desc limit ${limit}
    ) j
    left join lateral (
      select count(*) as changes, array_agg(line order by id) as lines from change_log
      where cluster_id = ${clusterId} and round = j.round
    ) l on true
    order by j.round desc`
}

/**
 * How many rounds between two changed something and are not in the journal. What a person wrote under a round's number
 * was no decision, and is no gap.
 */
export async function countMissing(
  sql: Sql,
  clusterId: number,
  from: number,
  to: number,
): Promise<number> {
  const [row] = await sql<{ missing: number }[]>`
    select count(distinct l.round)::int as missing from change_log l
    where l.cluster_id = ${clusterId} and l.round between ${from} and ${to}
      and l.change->>'mode' is distinct from 'operator'
      and l.change->>'evidence' is distinct from 'operator'
      and not exists (
        select from round_journal j where j.cluster_id = l.cluster_id and j.round = l.round)`
  return row?.missing ?? 0
}

/** Drops what is too old, too many or too much, of every cluster; what others are completed from stays with them. */
export async function pruneJournal(sql: postgres.Sql, limits = keep): Promise<void> {
  await sql`
    with aged as (
      select cluster_id, round, base_round,
        place > ${limits.rounds} or (place > 1 and (bytes > ${limits.bytes}
          or at < clock_timestamp() - make_interval(days => ${limits.days}))) as is_over
      from (
        select cluster_id, round, base_round, at,
          row_number() over newest as place,
          sum(octet_length(view) + octet_length(plan)) over newest as bytes
        from round_journal
        window newest as (partition by cluster_id order by round desc)
      ) counted
    )
    delete from round_journal j using aged a
    where j.cluster_id = a.cluster_id and j.round = a.round and a.is_over
      and not exists (
        select from aged k
        where k.cluster_id = a.cluster_id and k.base_round = a.round and not k.is_over)`
}
