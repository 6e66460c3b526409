// The seam between the CRM's rounds and where clusters are kept. A round is one transaction: whatever fails in it, or
// finds that another came first, has changed nothing.
import type { PgBoss } from 'pg-boss'
import type postgres from 'postgres'
import type { Clock } from '../../shared/clock.ts'
import type { Plan, PlannedJob } from '../cluster/plan.ts'
import type { ClusterView } from '../cluster/view.ts'
import { type Elected, stand } from '../crm/election.ts'
import { changePlaneEpoch, type PlaneEpochChange } from '../crm/plane-epoch.ts'
import { enqueuePlanned } from '../jobs/enqueue.ts'
import type { ClockWitness } from '../lease/clock-witness.ts'
import type { RoundJournal } from './journal/round-journal.ts'
import { load, type LoadedView } from './load-view.ts'
import { savePlan, type SavedRound } from './save-plan.ts'
import { ViewCache } from './view/view-cache.ts'

export type DueClusters = { nowMs: number; due: { id: number; round: number }[] }

export interface RoundStore {
  /** Which clusters are due, and what the database's clock says. */
  look(): Promise<DueClusters>
  /** Number of the cluster's last round; −1: no such cluster. */
  lastRound(clusterId: number): Promise<number>
  /** Runs `work` in one transaction: committed when it resolves, undone when it rejects. */
  transaction<T>(work: (round: RoundTransaction) => Promise<T>): Promise<T>
}

export interface RoundTransaction {
  /** Its first statement. */
  stand(clusterId: number, seen: number, replica: string): Promise<Elected>
  /** null: there is no such cluster. */
  load(clusterId: number, witness: ClockWitness, clock: Clock): Promise<LoadedView | null>
  /** Changes the plane epoch where it must; null: nothing was to be changed. */
  changePlaneEpoch(loaded: LoadedView, uuid: string): Promise<PlaneEpochChange | null>
  save(loaded: LoadedView, plan: Plan, nextRoundMs: number): Promise<SavedRound>
  enqueue(view: ClusterView, jobs: PlannedJob[]): Promise<void>
  /** With the commit: wakes nodes whose orders changed, and whoever watches the cluster. */
  ringOut(clusterId: number, changes: number, nodes: { uid: string }[]): Promise<void>
}

/**
 * Clusters as Postgres keeps them. Remembers the views it has loaded, so that the next one is only read on.
 * @param boss null: jobs are not queued (tests)
 * @param journal null: rounds are not kept for replays (tests)
 */
export function postgresRoundStore(
  sql: postgres.Sql,
  boss: PgBoss | null,
  cache = new ViewCache(),
  journal: Pick<RoundJournal, 'record'> | null = null,
): RoundStore {
  return {
    async look() {
      const [row] = await sql<DueClusters[]>`
        select epoch_ms(clock_timestamp()) as "nowMs", (
          select coalesce(jsonb_agg(jsonb_build_object('id', cluster_id, 'round', round)), '[]')
          from crm where next_round_at <= clock_timestamp()) as due`
      return row as DueClusters
    },
    async lastRound(clusterId) {
      const [row] = await sql<{ round: number }[]>`
        select round::float8 as round from crm where cluster_id = ${clusterId}`
      return row?.round ?? -1
    },
    async transaction<T>(work: (round: RoundTransaction) => Promise<T>): Promise<T> {
      const afterCommit: (() => void)[] = []
      const done = await sql.begin((tx) => {
        const round = roundTransaction(tx, boss, cache)
        return work({
          ...round,
          async save(loaded, plan, nextRoundMs) {
            const saved = await round.save(loaded, plan, nextRoundMs)
            const later = await journal?.record(tx, { view: loaded.view, plan })
            if (later) afterCommit.push(later)
            return saved
          },
        })
      })
      for (const call of afterCommit) call()
      return done as T
    },
  }
}

function roundTransaction(
  tx: postgres.TransactionSql,
  boss: PgBoss | null,
  cache: ViewCache,
): RoundTransaction {
  return {
    stand: (clusterId, seen, replica) => stand(tx, clusterId, seen, replica),
    load: (clusterId, witness, clock) => load(tx, clusterId, { witness, clock, cache }),
    changePlaneEpoch: (loaded, uuid) => changePlaneEpoch(tx, loaded, uuid),
    save: (loaded, plan, nextRoundMs) => savePlan(tx, loaded, plan, nextRoundMs),
    enqueue: (view, jobs) => enqueuePlanned(boss, tx, view, jobs),
    ringOut: (clusterId, changes, nodes) => ringOut(tx, clusterId, changes, nodes),
  }
}

/** NOTIFY payloads end at 8,000 bytes; a uuid and a comma are 37. */
const uidsPerNotice = 200

async function ringOut(
  tx: postgres.TransactionSql,
  clusterId: number,
  changes: number,
  nodes: { uid: string }[],
) {
  for (let first = 0; first < nodes.length; first += uidsPerNotice) {
    const uids = nodes.slice(first, first + uidsPerNotice).map((node) => node.uid)
    await tx`select pg_notify('holdfast_desired', ${uids.join(',')})`
  }
  if (changes > 0) await tx`select pg_notify('holdfast_events', ${String(clusterId)})`
}
