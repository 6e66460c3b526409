// One round of the CRM: lock → load → decide → save, in one transaction. Nothing slow or external happens inside.
// A round that fails in any way has changed nothing; the next one begins from the database again.
import type { Clock } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'
import type { ClockWitness } from '../lease/clock-witness.ts'
import type { LoadedView } from '../store/load-view.ts'
import type { RoundStore, RoundTransaction } from '../store/round-store.ts'
import { StalePlan } from '../store/stale-plan.ts'
import { decide } from './decide/decide.ts'

/** Whatever else comes due, every cluster gets a round so often. */
export const regularRoundMs = 5_000

export type RoundDeps = {
  store: RoundStore
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
    return await deps.store.transaction<RoundResult>(async (tx) => {
      const elected = await tx.stand(clusterId, seen, deps.replica)
      if (elected === 'busy') return { kind: 'busy' }
      if (elected === 'overtaken') return { kind: 'again', why: 'another round came first' }
      return await decideAndSave(deps, tx, clusterId)
    })
  } catch (error) {
    if (isConflict(error)) return { kind: 'again', why: (error as Error).message }
    throw error
  }
}

async function decideAndSave(
  deps: RoundDeps,
  tx: RoundTransaction,
  clusterId: number,
): Promise<RoundResult> {
  let loaded = await loadOrThrow(deps, tx, clusterId)
  const epochChange = await tx.changePlaneEpoch(loaded, deps.random.uuid())
  if (epochChange) loaded = await loadOrThrow(deps, tx, clusterId)
  const { view } = loaded
  const plan = decide(view, loaded)
  const nextRoundMs = Math.min(plan.nextRoundMs ?? Infinity, view.nowMs + regularRoundMs)
  const saved = await tx.save(loaded, plan, nextRoundMs)
  await tx.enqueue(view, plan.jobs)
  await tx.ringOut(clusterId, plan.changes.length, saved.changedNodes)
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
  tx: RoundTransaction,
  clusterId: number,
): Promise<LoadedView> {
  const loaded = await tx.load(clusterId, deps.witness, deps.clock)
  if (!loaded) throw new StalePlan(`cluster ${clusterId} is gone`)
  return loaded
}

/** Conflicts that mean "decide anew": serialization failure, deadlock, lock timeout, unique violation by a stale plan. */
const conflictCodes = new Set(['40001', '40P01', '55P03'])

function isConflict(error: unknown): boolean {
  if (error instanceof StalePlan) return true
  return conflictCodes.has((error as { code?: string }).code ?? '')
}
