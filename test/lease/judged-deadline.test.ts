// What a round believes about a deadline: read through the view, with this replica's own clock beside the database's.
import { expect, test } from 'vitest'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import { type LoadedView, load } from '../../control-plane/store/load-view.ts'
import { fenceAfterMs, profiles } from '../../shared/timing.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, makeRenewals, request } from './fleet.ts'

const database = testDatabase()

test('after a step of the clock a lease is judged by the longest one the settings ever allowed (S7, S11)', async () => {
  const { sql, url } = database
  const cluster = await makeCluster(sql, 'stepped')
  const node = await makeNode(sql, cluster, 'n1')
  const renewals = makeRenewals(url)
  await renewals.renew({ clusterId: cluster.id, request: request(cluster, node, 1) })
  await renewals.close()
  const fast = JSON.stringify({ profile: 'fast', timing: profiles.fast })
  await sql`update cluster set settings = settings || ${fast}::text::jsonb where id = ${cluster.id}`
  // Its first pair comes after the renewal: a replica that began, or lost its pairs by a step, just now.
  const witness = new ClockWitness()
  const [now] = await sql<{ ms: number }[]>`select epoch_ms(clock_timestamp()) as ms`
  witness.observe({ databaseMs: now?.ms as number, bootMs: 1_000 })
  const { view } = (await load(sql, cluster.id, { witness })) as LoadedView
  const longest = { ...profiles.fast, leaseMs: profiles.default.leaseMs }
  const leastMs = (now?.ms as number) + fenceAfterMs(longest)
  expect(view.nodes.n1?.lease.judgedUntilMs).toBeGreaterThanOrEqual(leastMs)
})
