// One cluster whose nodes renew at one replica, for a file of tests.
import { afterAll, beforeAll } from 'vitest'
import type { Renewals } from '../../control-plane/lease/renewals.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, makeRenewals, type request, type TestCluster } from './fleet.ts'

/** Call at the top of a test file. `cluster` and `renewals` may be used from `beforeAll` on. */
export function renewalRig(name: string) {
  const database = testDatabase()
  const rung: number[] = []
  const made: { cluster: TestCluster | null; renewals: Renewals | null } = {
    cluster: null,
    renewals: null,
  }
  beforeAll(async () => {
    made.cluster = await makeCluster(database.sql, name)
    made.renewals = makeRenewals(database.url, (id) => rung.push(id))
  })
  afterAll(() => made.renewals?.close())
  return {
    database,
    /** Clusters whose CRM was rung for. */
    rung,
    get cluster() {
      return made.cluster!
    },
    get renewals() {
      return made.renewals!
    },
    node: (node: string) => makeNode(database.sql, made.cluster!, node),
    renew: (one: ReturnType<typeof request>) =>
      made.renewals!.renew({ clusterId: made.cluster!.id, request: one }),
  }
}
