// The database server dies and comes back: the plane epoch changes, and whatever had enough lease left runs on.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EmbeddedPostgres, startPostgres } from '../../control-plane/site/embedded-postgres.ts'
import { migrate } from '../../control-plane/store/migrate.ts'
import { freePort } from '../global-setup.ts'
import { testSite } from './site.ts'

const dir = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'))
let server: EmbeddedPostgres
let sql: postgres.Sql
const database = {
  get url() {
    return server.url('holdfast')
  },
  get sql() {
    return sql
  },
}

beforeAll(async () => {
  server = await startPostgres({ dir, port: await freePort(), fast: true })
  const admin = postgres(server.url('postgres'), { max: 1, onnotice: () => {} })
  await admin`create database holdfast`
  await admin.end()
  await migrate(database.url)
  sql = postgres(database.url, { max: 3, backoff: () => 0.1, onnotice: () => {} })
}, 60_000)
// Registered before the site's own: hooks after a file run in reverse order.
afterAll(async () => {
  await sql.end({ timeout: 2 })
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
}, 30_000)

// A lease that outlives an outage of eight seconds.
const site = testSite({ nodes: 2, replicas: 2, timing: { leaseMs: 12_000 }, database })

test('Postgres is killed and started again: nothing stops, nothing runs twice, and recovery still works', async () => {
  const sids = [await site.addService('a'), await site.addService('b')]
  for (const sid of sids) await site.running(sid)
  const before = await site.operator.status()
  process.kill(server.pid, 'SIGQUIT')
  await server.ended
  server = await startPostgres({ dir, port: server.port, fast: true })
  const after = await site.operator.until(
    'every node to renew under a new plane epoch',
    (status) =>
      status.crm.planeEpoch > before.crm.planeEpoch &&
      status.nodes.every((n) => n.state === 'online') &&
      status.services.every((s) => s.running && s.state === 'started') &&
      status,
    15_000,
  )
  expect(after.crm.quarantine).toBeNull()
  expect(after.nodes.map((n) => n.epoch)).toEqual(before.nodes.map((n) => n.epoch))
  expect(after.services.map(({ node, generation }) => [node, generation])).toEqual(
    before.services.map(({ node, generation }) => [node, generation]),
  )
  for (const sid of sids) expect(site.witness(sid).runs).toHaveLength(1)

  // Confirms of the old plane epoch are void: a restart in place needs a new one, and gets it.
  const [run] = site.witness(sids[0] as string).runs
  process.kill(run?.pid as number, 'SIGKILL')
  await site.operator.until(
    'the restart in place',
    () => site.witness(sids[0] as string).runs.length === 2,
  )
  const moved = await site.running(sids[1] as string)
  const target = moved.node === 'n1' ? 'n2' : 'n1'
  const command = await site.operator.operate(sids[1] as string, 'relocate', { node: target })
  expect(command).toMatchObject({ status: 'done' })
  expect((await site.running(sids[1] as string)).generation).toBeGreaterThan(
    moved.generation as number,
  )
})
