// The memory store behind the seams that Postgres has: agents' requests and leases. `Access` is the way to the
// database: at once, or in a simulation with delays, failures and answers that are lost after the commit.
import type { Random } from '../../../shared/random.ts'
import type { LeaseLane } from '../../lease/lease-lane.ts'
import { answerRelease } from '../../lease/release.ts'
import type { RenewedRow } from '../../lease/renewal-statement.ts'
import type { AgentStore } from '../agent-store.ts'
import { answerEpoch } from '../nodes.ts'
import { newSecret } from '../secrets.ts'
import type { MemoryDatabase, MemoryTransaction } from './database.ts'
import { release, renew, whyNot } from './leases.ts'
import { epochStanding, findNode, join, readDesired, readManaged, requestEpoch } from './nodes.ts'

export type Access = {
  /** One trip to the database and back; `work` is done there, or the trip fails. */
  trip: <T>(work: () => T) => Promise<T>
  /** Waits until none of these rows is held; rejects when that takes longer than a lock may be waited for. */
  untilFree(clusterId: number, nodeUids: string[]): Promise<void>
  /** A trip for each statement of a transaction, which the server ends where it hangs or is cut off. */
  within(transaction: MemoryTransaction): Access['trip']
}

/** Straight to the database: nothing fails, and nobody waits for a lock for long. */
export function directAccess(database: MemoryDatabase): Access {
  const trip: Access['trip'] = async (work) => work()
  return {
    trip,
    untilFree: (clusterId, uids) =>
      new Promise((resolve) => {
        database.whenFree(clusterId, uids, resolve)
      }),
    within: () => trip,
  }
}

export function memoryAgentStore(
  database: MemoryDatabase,
  random: Random,
  access: Access = directAccess(database),
): AgentStore {
  return {
    findNode: (credential) =>
      access.trip(() => {
        for (const state of Object.values(database.clusters)) {
          const known = findNode(state, credential)
          if (known) return known
        }
        return null
      }),
    join: (request) =>
      access.trip(() => {
        const draw = () => ({ nodeUid: random.uuid(), credential: newSecret(random, 'node') })
        for (const { cluster } of Object.values(database.clusters)) {
          const answer = database.commit(
            cluster.id,
            (state, { nowMs }) => {
              const joined = join(state, request, draw, nowMs)
              return { state: joined.state, result: joined.answer }
            },
            { rings: ['crm'] },
          )
          if (answer !== 'bad-token') return answer
        }
        return 'bad-token'
      }),
    async requestEpoch(clusterId, request) {
      await access.untilFree(clusterId, [request.nodeUid])
      await access.trip(() =>
        database.commit(clusterId, (state, { nowMs }) => ({
          state: requestEpoch(state, request, nowMs),
          result: undefined,
        })),
      )
    },
    epochStanding: (request, timing) =>
      access.trip(() => {
        const state = database.clusterOf(request.nodeUid)
        const standing = state && epochStanding(state, request.nodeUid)
        if (!standing) throw new Error('a known node has no lease row')
        return answerEpoch(standing, request, timing)
      }),
    readDesired: (nodeUid, has) =>
      access.trip(() => {
        const state = database.clusterOf(nodeUid)
        return state ? readDesired(state, database.server, nodeUid, has) : null
      }),
    readManaged: (nodeUid, has) =>
      access.trip(() => {
        const state = database.clusterOf(nodeUid)
        return state ? readManaged(state, nodeUid, has) : null
      }),
  }
}

export function memoryLane(
  database: MemoryDatabase,
  access: Access = directAccess(database),
): LeaseLane {
  return {
    connection: database,
    async renew(rows, skipHeld) {
      const inOrder = [...rows].sort((a, b) => (a.nodeUid < b.nodeUid ? -1 : 1))
      if (!skipHeld) for (const row of inOrder) await access.untilFree(row.clusterId, [row.nodeUid])
      return access.trip(() => {
        const renewed: RenewedRow[] = []
        for (const row of inOrder) {
          if (skipHeld && database.isHeld(row.clusterId, row.nodeUid)) continue
          if (!database.clusters[row.clusterId]) continue
          database.commit(row.clusterId, (state, moment) => {
            const done = renew(state, row, moment)
            if (done) renewed.push(done.renewed)
            return { state: done?.state ?? state, result: undefined }
          })
        }
        return renewed
      })
    },
    whyNot: (asked) =>
      access.trip(() => {
        const reasons: Awaited<ReturnType<LeaseLane['whyNot']>> = new Map()
        for (const one of asked)
          database.commit(one.clusterId, (state, moment) => {
            const told = whyNot(state, [one], moment)
            for (const [uid, refusal] of told.reasons) reasons.set(uid, refusal)
            return { state: told.state, result: undefined }
          })
        return reasons
      }),
    async release(clusterId, request, timing) {
      await access.untilFree(clusterId, [request.nodeUid])
      const done = await access.trip(() =>
        database.commit(clusterId, (state, moment) => {
          const released = release(state, request, timing, moment)
          return { state: released.state, result: released.done }
        }),
      )
      if (done !== null) return answerRelease(done, timing)
      const reasons = await this.whyNot([{ clusterId, request }])
      return answerRelease(done, timing, reasons.get(request.nodeUid))
    },
    replace: () => {},
    close: async () => {},
  }
}
