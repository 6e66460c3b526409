// Drops history nobody looks back at any more. Must never touch what is open, nor the last grant of a service: whether
// a service was ever granted decides if its next start needs attestations.
import type postgres from 'postgres'
import { pruneQuestions } from '../store/node-questions.ts'
import { pruneJournal } from '../store/journal/stored-rounds.ts'

const keepDays = 90
/** In slices, so that no statement holds rows for long. */
const slice = 5_000

export async function pruneHistory(sql: postgres.Sql): Promise<void> {
  const before = sql`clock_timestamp() - make_interval(days => ${keepDays})`
  await sql`
    delete from change_log where id in (
      select id from change_log where at < ${before} order by id limit ${slice})`
  await sql`
    delete from audit_log where id in (
      select id from audit_log where at < ${before} order by id limit ${slice})`
  await sql`
    delete from command where uid in (
      select uid from command where finished_at < ${before} limit ${slice})`
  await sql`
    delete from fence_report where (node_uid, order_uid) in (
      select r.node_uid, r.order_uid from fence_report r
      where r.at < ${before} and not exists (
        select from evidence e where e.node_uid = r.node_uid and e.fence_order = r.order_uid)
      limit ${slice})`
  await pruneJournal(sql)
  await pruneQuestions(sql)
  await sql`delete from replica where seen_at < clock_timestamp() - interval '1 day'`
}
