// Who is the CRM of a cluster: whoever gets its advisory lock for one round's transaction. The lock only saves work;
// the round number is what protects (rule 10): a stale round matches no row and is thrown away.
import type postgres from 'postgres'

/** First key of the two-part advisory lock; the second is the cluster's id. */
export const lockClass = 4_711_008

/** A round that waits on anything for so long has hung: the server ends its transaction, and the lock is free. */
const hungMs = 1_000

export type Elected = { round: number } | 'busy' | 'overtaken'

/**
 * First statements of a round, in its transaction.
 *
 * READ COMMITTED on purpose: each statement sees what was committed before it, and the view is loaded after the lock is
 * held. (Under REPEATABLE READ the snapshot would be older than the lock.)
 * @param seen the round number read before; another round since then means `overtaken`
 */
export async function stand(
  tx: postgres.TransactionSql,
  clusterId: number,
  seen: number,
  replica: string,
): Promise<Elected> {
  const [lock] = await tx<{ mine: boolean }[]>`
    select set_config('idle_in_transaction_session_timeout', ${String(hungMs)}, true),
      set_config('lock_timeout', ${String(hungMs)}, true),
      set_config('statement_timeout', ${String(5 * hungMs)}, true),
      pg_try_advisory_xact_lock(${lockClass}, ${clusterId}) as mine`
  if (!lock?.mine) return 'busy'
  const [bumped] = await tx<{ round: number }[]>`
    update crm set round = round + 1, replica = ${replica}
    where cluster_id = ${clusterId} and round = ${seen}
    returning round::float8 as round`
  return bumped ?? 'overtaken'
}
