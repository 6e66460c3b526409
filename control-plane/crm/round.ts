// One round of the CRM: lock → load → decide → save, in one transaction. Nothing slow or external happens inside.
// A round that fails in any way has changed nothing; the next one begins from the database again.
import type { PgBoss } from 'pg-boss'
import type postgres from 'postgres'
import type { Clock } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'
import { enqueuePlanned } from '../jobs/enqueue.ts'
import type { ClockWitness } from '../lease/clock-witness.ts'
import { type LoadedView, load } from '../store/load-view.ts'
import { savePlan } from '../store/save-plan.ts'
import { StalePlan } from '../store/stale-plan.ts'
import { decide } from './decide/decide.ts'
import { stand } from './election.ts'
import { changePlaneEpoch } from './plane-epoch.ts'

/** Whatever else comes due, every cluster gets a round so often. */
export const regularRoundMs = 5_000

export type RoundDeps = {
  sql: postgres.Sql
  boss: PgBoss | null
  witness: ClockWitness
  clock: Clock
  random: Random
  replica: string
}

export type RoundResult =
  | { kind: 'busy' }
  /** Another round came in between, or the plan was overtaken: decide anew. */
  | { kind: 'again'; why: string }
  | {
      kind: 'done'
      round: number
      changes: string[]
      changedNodes: string[]
      planeEpochChanged: string | null
      /** From now, by the database's clock. */
      nextRoundInMs: number
    }

/**
 * Runs one round of `clusterId`.
 * @param seen the round number this replica last saw
 */
export async function runRound(
  deps: RoundDeps,
  clusterId: number,
  seen: number,
): Promise<RoundResult> {
  try {
    return (await deps.sql.begin(async (tx) => {
      const elected = await stand(tx, clusterId, seen, deps.replica)
      if (elected === 'busy') return { kind: 'busy' }
      if (elected === 'overtaken') return { kind: 'again', why: 'another round came first' }
      return await decideAndSave(deps, tx, clusterId)
    })) as RoundResult
  } catch (error) {
    if (isConflict(error)) return { kind: 'again', why: (error as Error).message }
    throw error
  }
}

async function decideAndSave(
  deps: RoundDeps,
  tx: postgres.TransactionSql,
  clusterId: number,
): Promise<RoundResult> {
  let loaded = await loadOrThrow(deps, tx, clusterId)
  const epochChange = await changePlaneEpoch(tx, loaded, deps.random.uuid())
  if (epochChange) loaded = await loadOrThrow(deps, tx, clusterId)
  const { view } = loaded
  const plan = decide(view)
  const nextRoundMs = Math.min(plan.nextRoundMs ?? Infinity, view.nowMs + regularRoundMs)
  const saved = await savePlan(tx, loaded, plan, nextRoundMs)
  await enqueuePlanned(deps.boss, tx, view, plan.jobs)
  await ringOut(tx, clusterId, plan.changes.length, saved.changedNodes)
  return {
    kind: 'done',
    round: view.round,
    changes: plan.changes.map((change) => change.kind),
    changedNodes: saved.changedNodes.map((node) => node.uid),
    planeEpochChanged: epochChange?.why ?? null,
    nextRoundInMs: nextRoundMs - view.nowMs,
  }
}

async function loadOrThrow(
  deps: RoundDeps,
  tx: postgres.TransactionSql,
  clusterId: number,
): Promise<LoadedView> {
  const loaded = await load(tx, clusterId, deps.witness, deps.clock)
  if (!loaded) throw new StalePlan(`cluster ${clusterId} is gone`)
  return loaded
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

/** Conflicts that mean "decide anew": serialization failure, deadlock, lock timeout, unique violation by a stale plan. */
const conflictCodes = new Set(['40001', '40P01', '55P03'])

function isConflict(error: unknown): boolean {
  if (error instanceof StalePlan) return true
  return conflictCodes.has((error as { code?: string }).code ?? '')
}
