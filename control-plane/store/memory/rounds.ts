// Rounds over the memory store: the same statements, one after the other, in a transaction that the server may end.
import type { RoundStore, RoundTransaction } from '../round-store.ts'
import type { MemoryDatabase, MemoryTransaction } from './database.ts'
import { readCluster } from './read.ts'
import { changePlaneEpoch, preparePlan, savePlan } from './save.ts'
import type { ClusterState } from './state.ts'
import { type Access, directAccess } from './stores.ts'

export function memoryRoundStore(
  database: MemoryDatabase,
  access: Access = directAccess(database),
): RoundStore {
  return {
    look: () =>
      access.trip(() => {
        const nowMs = database.now()
        const due = Object.values(database.clusters)
          .filter((state) => state.nextRoundMs <= nowMs)
          .map(({ cluster, round }) => ({ id: cluster.id, round }))
        return { nowMs, due }
      }),
    lastRound: (clusterId) => access.trip(() => database.clusters[clusterId]?.round ?? -1),
    async transaction(work) {
      const transaction = database.begin(true)
      const trip = access.within(transaction)
      try {
        const result = await work(roundTransaction(database, transaction, trip))
        await trip(() => transaction.commit())
        return result
      } catch (error) {
        transaction.abort()
        throw error
      }
    },
  }
}

function roundTransaction(
  database: MemoryDatabase,
  transaction: MemoryTransaction,
  trip: Access['trip'],
): RoundTransaction {
  const statement = <T>(work: () => T) =>
    trip(() => {
      if (!transaction.isOpen) throw new Error('the server ended this transaction')
      return work()
    })
  return {
    stand: (clusterId, seen, replica) =>
      statement(() => {
        if (!database.lock(clusterId, transaction, 'round')) return 'busy'
        if (transaction.current(clusterId).round !== seen) return 'overtaken'
        return transaction.write(clusterId, (state) => ({
          state: { ...state, round: state.round + 1, replica },
          result: { round: state.round + 1 },
        }))
      }),
    async load(clusterId, witness, clock) {
      const startedMs = clock.bootMs()
      const loaded = await statement(() => {
        const nowMs = database.now()
        return database.clusters[clusterId]
          ? { state: transaction.current(clusterId), server: database.server, nowMs }
          : null
      })
      if (loaded === null) return null
      const tookMs = clock.bootMs() - startedMs
      const { state, server, nowMs } = loaded
      witness.observe({ databaseMs: nowMs, bootMs: startedMs + tookMs / 2 }, tookMs)
      return readCluster(state, server, nowMs, witness)
    },
    async changePlaneEpoch(loaded, uuid) {
      if (loaded.identityMatches && loaded.regressClaims.length === 0) return null
      return await statement(() => {
        const { id } = loaded.view.cluster
        const state = transaction.current(id)
        // Claims that came late are only forgotten: no lease is touched for their sake.
        const { number } = loaded.view.planeEpoch
        const isLate = loaded.regressClaims.every(({ planeEpoch }) => planeEpoch < number)
        const rows = loaded.identityMatches && isLate ? [] : Object.keys(state.nodes)
        return transaction.write(
          id,
          (now, moment) => {
            const step = { loaded, uuid, settled: state.claims }
            const { state: next, change } = changePlaneEpoch(now, step, moment)
            return { state: next, result: change }
          },
          rows,
        )
      })
    },
    save: (loaded, plan, nextRoundMs) =>
      statement(() => {
        const { id } = loaded.view.cluster
        const prepared = preparePlan(loaded, plan, nextRoundMs)
        const saved = transaction.write(
          id,
          (state, moment) => {
            const done = savePlan(state, prepared, moment)
            return { state: done.state, result: done.saved }
          },
          touchedBy(plan.changes, transaction.current(id)),
        )
        transaction.tell(id, { changes: plan.changes })
        return saved
      }),
    enqueue: (view, jobs) =>
      jobs.length === 0
        ? Promise.resolve()
        : statement(() => transaction.tell(view.cluster.id, { jobs })),
    async ringOut(clusterId, changes, nodes) {
      if (changes === 0 && nodes.length === 0) return
      await statement(() =>
        transaction.tell(clusterId, {
          rings: changes > 0 ? ['events'] : [],
          nodes: nodes.map((node) => node.uid),
        }),
      )
    },
  }
}

/** Rows of leases that a plan writes. */
function touchedBy(changes: { kind: string; node?: unknown }[], state: ClusterState): string[] {
  const names = new Set(
    changes.filter(({ kind }) => kind.startsWith('lease.')).map(({ node }) => node),
  )
  return Object.values(state.nodes)
    .filter(({ view }) => names.has(view.name))
    .map(({ view }) => view.uid)
}
