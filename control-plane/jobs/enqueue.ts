// Puts a round's jobs into their queues, in the round's own transaction: no plan without its jobs, no job without its plan.
import type { ConstructorOptions, PgBoss } from 'pg-boss'
import type postgres from 'postgres'
import type { PlannedJob } from '../cluster/plan.ts'
import type { ClusterView } from '../cluster/view.ts'
import type { OrderName } from '../fence/fence-store.ts'

type Db = NonNullable<ConstructorOptions['db']>

/** pg-boss's way into a postgres.js transaction. */
export function inTransaction(tx: postgres.TransactionSql): Db {
  return {
    executeSql: async (text: string, values: unknown[] = []) => ({
      rows: [...(await tx.unsafe(text, values as never[]))],
    }),
  } as Db
}

/** The CRM judges what was read within a round or two. */
const settledWithinSeconds = 1

/** A job of its own: it may have to wait, or be tried again. */
export async function enqueueSwitchOn(boss: PgBoss, name: OrderName): Promise<void> {
  const { clusterId, node, epoch, order } = name
  const singletonKey = `${clusterId}/${node}/${epoch}/${order}`
  await boss.send('switch-on-node', name, { startAfter: settledWithinSeconds, singletonKey })
}

export async function enqueuePlanned(
  boss: PgBoss | null,
  tx: postgres.TransactionSql,
  view: ClusterView,
  jobs: PlannedJob[],
): Promise<void> {
  if (!boss) return
  const clusterId = view.cluster.id
  for (const planned of jobs) {
    // A deadline nobody can judge yet is looked at again in a day, whatever else wakes the CRM before.
    const latestMs = view.nowMs + 86_400_000
    const startAfter = new Date(Math.ceil(Math.min(planned.startAfterMs, latestMs)))
    const db = inTransaction(tx)
    if (planned.job === 'fence-node') {
      const { node, epoch, order } = planned
      // An order is a job of its own: the one that only rings at the deadline must not stand in its way.
      const key = [clusterId, node, epoch, order].filter((part) => part !== undefined).join('/')
      const data = { clusterId, node, epoch, ...(order !== undefined && { order }) }
      await boss.send('fence-node', data, { startAfter, singletonKey: key, db })
    } else {
      const { sid, uid } = planned
      const key = `${clusterId}/${sid}/${uid}`
      const data = { kind: 'deadline', clusterId, sid, uid }
      await boss.send('relocate-service', data, { startAfter, singletonKey: key, db })
    }
  }
}
