// Finds the replica that is inside a round just now: a test holds a row that the round must write, and asks who waits for it.
import type postgres from 'postgres'
import { lockClass } from '../../control-plane/crm/election.ts'
import type { ReplicaProcess } from './replica-process.ts'
import { ownsPort } from './socket-owner.ts'
import { waitFor } from './wait.ts'

/** The local port of the connection whose transaction holds a cluster's lock and waits for a row. */
export function portOfWaitingRound(sql: postgres.Sql, everyMs = 5): Promise<number> {
  const look = async () => {
    const [row] = await sql<{ port: number }[]>`
      select a.client_port as port from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.classid = ${lockClass} and l.granted
        and a.wait_event_type = 'Lock' and a.datname = current_database()`
    return row?.port
  }
  return waitFor(look, { what: 'a round to wait for its row', everyMs, timeoutMs: 15_000 })
}

export async function replicaInsideRound(
  sql: postgres.Sql,
  replicas: ReplicaProcess[],
  everyMs?: number,
): Promise<ReplicaProcess> {
  const port = await portOfWaitingRound(sql, everyMs)
  const replica = replicas.find((each) => !each.ended && ownsPort(each.pid, port))
  if (!replica) throw new Error('the round belongs to no replica')
  return replica
}
