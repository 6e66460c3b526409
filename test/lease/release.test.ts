import { afterAll, beforeAll, expect, test } from 'vitest'
import { Lane } from '../../control-plane/lease/lane.ts'
import { release } from '../../control-plane/lease/release.ts'
import { profiles } from '../../shared/timing.ts'
import { testDatabase } from '../database.ts'
import {
  leaseRow,
  makeCluster,
  makeNode,
  makeRenewals,
  openGrant,
  request,
  type TestCluster,
  type TestNode,
  revoke,
} from './fleet.ts'
import { silentLink } from './silent-link.ts'

const database = testDatabase()
let cluster: TestCluster
let lane: Lane

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'release')
  lane = new Lane(database.url)
})
afterAll(() => lane.close())

async function runningNode(name: string, generation: number, state: string) {
  const node = await makeNode(database.sql, cluster, name)
  const sid = `process:${name}`
  await openGrant(database.sql, cluster, node, sid, generation)
  await database.sql`
    insert into service (cluster_id, sid, requested, spec) values (${cluster.id}, ${sid}, 'started', '{}')`
  await database.sql`
    insert into service_status (cluster_id, sid, state, since, record)
    values (${cluster.id}, ${sid}, ${state}, clock_timestamp(), '{}')`
  const renewals = makeRenewals(database.url)
  const confirms = [{ sid, generation }]
  const r = request(cluster, node, 1, { armed: true, confirms })
  await renewals.renew({ clusterId: cluster.id, request: r })
  await renewals.close()
  return node
}

const ask = (node: TestNode, seq: number) =>
  release(
    lane,
    cluster.id,
    request(cluster, node, seq, { release: true, mode: 'restart' }),
    profiles.default,
  )

test('a release is refused, and nothing changes, while a service there is not frozen (rule 11)', async () => {
  const node = await runningNode('busy', 1, 'started')
  expect(await ask(node, 2)).toEqual({ granted: false, refusal: { code: 'release-refused' } })
  expect(await leaseRow(database.sql, node)).toMatchObject({ seq: 1, armed: true, guarded: true })
})

test('a committed release ends the watchdog’s proof, and an older armed renewal cannot bring it back (S12)', async () => {
  const node = await runningNode('frozen', 2, 'freeze')
  expect(await ask(node, 3)).toMatchObject({ granted: true })
  expect(await leaseRow(database.sql, node)).toMatchObject({ seq: 3, armed: false, guarded: false })
  const renewals = makeRenewals(database.url)
  const late = await renewals.renew({
    clusterId: cluster.id,
    request: request(cluster, node, 2, { armed: true }),
  })
  await renewals.close()
  expect(late).toMatchObject({ granted: false, refusal: { code: 'stale' } })
  expect(await leaseRow(database.sql, node)).toMatchObject({ armed: false, guarded: false })
})

test('a release under a revoked epoch is told that it is fenced', async () => {
  const node = await makeNode(database.sql, cluster, 'gone')
  await revoke(database.sql, node)
  expect(await ask(node, 1)).toMatchObject({ granted: false, refusal: { code: 'fenced' } })
})

test('a release is no attestation: after the history changed a node renews with its report first (rule 9)', async () => {
  const node = await runningNode('unattested', 3, 'freeze')
  await database.sql`update plane_epoch set number = 2 where cluster_id = ${cluster.id}`
  const planeEpoch = { number: 2, uuid: cluster.planeUuid }
  const asked = request(cluster, node, 2, { release: true, mode: 'restart', planeEpoch })
  const answer = await release(lane, cluster.id, asked, profiles.default)
  await database.sql`update plane_epoch set number = 1 where cluster_id = ${cluster.id}`
  expect(answer).toEqual({ granted: false, refusal: { code: 'release-refused' } })
  const [row] = await database.sql`
    select attested_plane_epoch::int as attested, armed from lease where node_uid = ${node.uid}`
  expect(row).toEqual({ attested: 1, armed: true })
})

test('a release on a connection that has died in silence ends, and the next one is not held up by it', async () => {
  const node = await runningNode('silent', 4, 'freeze')
  const link = await silentLink(database.url)
  const renewals = makeRenewals(link.url, undefined, 500)
  const asked = (seq: number, more = {}) =>
    renewals.release(cluster.id, request(cluster, node, seq, more), profiles.default)
  // Refused, for what is released is not asked for by this boot; but the connection is open from now on.
  expect(await asked(2, { bootId: 'another' })).toMatchObject({ granted: false })
  link.fallSilent()
  await expect(asked(3, { release: true, mode: 'restart' })).rejects.toThrow('no answer within')
  expect(await asked(4, { release: true, mode: 'restart' })).toMatchObject({ granted: true })
  await renewals.close()
  link.close()
})
