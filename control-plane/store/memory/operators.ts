// The memory store behind the operators' routes: one transaction for each write, with the cluster's write lock, whole or not
// at all, as http/operator-store.ts does it on Postgres. Nothing can be scheduled here, and it has no tokens but those it was
// given.
import { fenceAfterMs } from '../../../shared/timing.ts'
import type { OperatorRows, OperatorStore } from '../../http/operator-store.ts'
import { actorOf } from '../../http/records/access.ts'
import { isRefusal, refuse } from '../../intake/refusal.ts'
import { hashSecret } from '../secrets.ts'
import { confirmDead } from './confirm-dead.ts'
import type { LockRow, MemoryDatabase, MemoryTransaction } from './database.ts'
import { addAudit } from './operator-columns.ts'
import { commandRows, groupRows, type Reach, ruleRows, serviceRows } from './operator-rows.ts'
import { readCluster } from './read.ts'
import { type ClusterState, holdersOf, nodeNamed } from './state.ts'
import { type Access, directAccess } from './stores.ts'
import * as wishes from './wishes.ts'

export function memoryOperatorStore(
  database: MemoryDatabase,
  access: Access = directAccess(database),
): OperatorStore {
  return {
    rows: operatorRows(database, alone(database, access)),
    async transaction(work) {
      const transaction = database.begin(false)
      const trip = access.within(transaction)
      try {
        const result = await work(
          operatorRows(database, within(database, access, transaction, trip)),
        )
        await trip(() => transaction.commit())
        return result
      } catch (error) {
        transaction.abort()
        throw error
      }
    },
  }
}

type Hands = Reach & {
  trip: Access['trip']
  /** Takes the row until the transaction ends, or gives up. */
  take: (clusterId: number, row: LockRow) => Promise<void>
  ring: (clusterId: number) => Promise<void>
}

/** Each statement for itself. */
function alone(database: MemoryDatabase, { trip }: Access): Hands {
  const refuseAlone = () => Promise.reject(new Error('only within a transaction'))
  return {
    trip,
    read: (clusterId, look) => trip(() => look(database.cluster(clusterId))),
    write: (clusterId, patch) => trip(() => database.commit(clusterId, patch)),
    take: refuseAlone,
    ring: refuseAlone,
  }
}

/** So often a row may be taken by another just before. */
const mostTries = 5

function within(
  database: MemoryDatabase,
  access: Access,
  transaction: MemoryTransaction,
  trip: Access['trip'],
): Hands {
  const statement = <T>(work: () => T) =>
    trip(() => {
      if (!transaction.isOpen) throw withCode('the server ended this transaction', '25P03')
      return work()
    })
  return {
    trip: statement,
    read: (clusterId, look) => statement(() => look(transaction.current(clusterId))),
    write: (clusterId, patch, rows) =>
      statement(() => {
        // At the commit it is made once more of what others committed meanwhile: at the same moment.
        const { moment } = database
        return transaction.write(clusterId, (state) => patch(state, moment), rows)
      }),
    async take(clusterId, row) {
      for (let tries = 0; tries < mostTries; tries++) {
        if (await statement(() => database.lock(clusterId, transaction, row))) return
        await access.untilFree(clusterId, [row])
      }
      throw withCode('canceling statement due to lock timeout', '55P03')
    },
    ring: (clusterId) => statement(() => transaction.tell(clusterId, { rings: ['crm'] })),
  }
}

function operatorRows(database: MemoryDatabase, hands: Hands): OperatorRows {
  const { read, write, take } = hands
  return {
    ...serviceRows(hands),
    ...groupRows(hands),
    ...ruleRows(hands),
    ...commandRows(hands),
    ...accessRows(database, hands),
    loadView: (id) => read(id, (state) => readCluster(state, database.server, database.now()).view),
    readSettings: (id) =>
      read(id, ({ settings, operators }) => ({ settings, version: operators.settingsVersion })),
    storeSettings: (id, settings) =>
      write(id, (state) => {
        const next = wishes.storeSettings(state, settings)
        return { state: next, result: { settings, version: next.operators.settingsVersion } }
      }),
    async countLeasesAsRenewed(id, before, after) {
      await take(id, 'round')
      const waitMs = Math.max(fenceAfterMs(before.timing), fenceAfterMs(after.timing))
      await write(id, (state, { nowMs }) => ({
        state: wishes.countLeasesAsRenewed(state, nowMs + waitMs),
        result: undefined,
      }))
    },
    setMaintenance: (uid, isOn) =>
      write(clusterOf(database, uid), (state) => ({
        state: wishes.setMaintenance(state, uid, isOn),
        result: undefined,
      })),
    async removeNode(id, uid, name) {
      await take(id, 'round')
      const patch = (state: ClusterState) => {
        const sids = holdersOf(state, name).map(({ service }) => service.sid)
        if (sids.length === 0) return { state: wishes.removeNode(state, uid), result: null }
        const why = `node ${name} may still run ${[...new Set(sids)].sort().join(', ')}`
        return { state, result: refuse('grants-open', why) }
      }
      return write(id, patch, [uid])
    },
    async confirmDead(wish) {
      await take(wish.clusterId, 'round')
      // A renewal that comes later finds the epoch ended.
      const uid = await read(wish.clusterId, (state) => nodeNamed(state, wish.node)?.view.uid)
      return write(
        wish.clusterId,
        (state, { nowMs }) => {
          const { state: next, answer } = confirmDead(state, wish, nowMs)
          return { state: isRefusal(answer) ? state : next, result: answer }
        },
        uid === undefined ? [] : [uid],
      )
    },
  }
}

type AccessRows = Pick<
  OperatorRows,
  | 'findActor'
  | 'findCluster'
  | 'insertAudit'
  | 'lockCluster'
  | 'ringCrm'
  | 'loadSurroundings'
  | 'enqueueRelocation'
>

function accessRows(
  database: MemoryDatabase,
  { trip, read, write, take, ring }: Hands,
): AccessRows {
  return {
    findActor: (by) => trip(() => findActor(database, by)),
    findCluster: (name) =>
      trip(() => {
        const all = Object.values(database.clusters).map(({ cluster }) => cluster)
        const found = all.find((cluster) => cluster.name === name)
        return found ? { id: found.id, uuid: found.uuid, name } : null
      }),
    // About no cluster there is no log here.
    insertAudit: async (row) => {
      if (row.clusterId !== null)
        await write(row.clusterId, (state) => ({ state: addAudit(state, row), result: undefined }))
    },
    lockCluster: (id) => take(id, 'cluster'),
    ringCrm: (id) => ring(id),
    loadSurroundings: (id) =>
      read(id, ({ replica, lastRoundMs }) => ({
        crm: {
          replica,
          lastRoundMsAgo: lastRoundMs === null ? null : Math.round(database.now() - lastRoundMs),
        },
        ...{ replicas: [], jobs: [], schedules: [] },
      })),
    enqueueRelocation: () => Promise.resolve(false),
  }
}

function findActor(
  database: MemoryDatabase,
  by: { secret: string } | { tokenId: string },
): Awaited<ReturnType<OperatorRows['findActor']>> {
  const hash = 'secret' in by ? hashSecret(by.secret) : null
  for (const { cluster, operators } of Object.values(database.clusters)) {
    const found = operators.tokens.find((token) =>
      'tokenId' in by ? token.id === by.tokenId : token.hash === hash,
    )
    if (!found || (found.expiresMs !== null && found.expiresMs <= database.now())) continue
    const actor = actorOf({ ...found, cluster: found.everywhere ? null : cluster.name })
    return { actor, hash: found.hash }
  }
  return null
}

function clusterOf(database: MemoryDatabase, nodeUid: string): number {
  const state: ClusterState | undefined = database.clusterOf(nodeUid)
  if (!state) throw new Error(`no row of node ${nodeUid}`)
  return state.cluster.id
}

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}
