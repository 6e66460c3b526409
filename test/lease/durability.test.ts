// Rule 1 on a real server with a real standby: a renewal is a durable commit on the primary of one history.
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { changePlaneEpoch } from '../../control-plane/crm/plane-epoch.ts'
import { type EmbeddedPostgres, startPostgres } from '../../control-plane/site/embedded-postgres.ts'
import { readDesired } from '../../control-plane/store/desired.ts'
import { type LoadedView, load } from '../../control-plane/store/load-view.ts'
import { migrate } from '../../control-plane/store/migrate.ts'
import { freePort } from '../global-setup.ts'
import {
  leaseRow,
  makeCluster,
  makeNode,
  makeRenewals,
  request,
  type TestCluster,
  type TestNode,
} from './fleet.ts'

const dir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-durability-'))
let server: EmbeddedPostgres
let sql: postgres.Sql
let cluster: TestCluster
let node: TestNode

beforeAll(async () => {
  server = await startPostgres({ dir: path.join(dir, 'primary'), port: await freePort() })
  sql = postgres(server.url('postgres'), { max: 3, onnotice: () => {} })
  await migrate(server.url('postgres'))
  cluster = await makeCluster(sql, 'durable')
  node = await makeNode(sql, cluster, 'n1')
  await sql`insert into desired values (${node.uid}, ${cluster.id}, 1, 1, '{}', '')`
})

afterAll(async () => {
  await sql.end({ timeout: 1 })
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function renew(url: string, seq: number) {
  const renewals = makeRenewals(url)
  const r = request(cluster, node, seq)
  const answer = await renewals.renew({ clusterId: cluster.id, request: r })
  await renewals.close()
  return answer.granted ? 'granted' : answer.refusal.code
}

describe('a renewal', () => {
  test('whose commit came back with a warning, because the wait for a standby was cancelled, grants nothing (S6b)', async () => {
    expect(await renew(server.url('postgres'), 1)).toBe('granted')
    await sql`alter system set synchronous_standby_names = 'nobody'`
    await sql`select pg_reload_conf()`
    const answer = renew(server.url('postgres'), 2)
    await cancelWaiting()
    expect(await answer).toBe('busy')
    // The row is there all the same: visible is not durable.
    expect(await leaseRow(sql, node)).toMatchObject({ seq: 2 })
    await sql`alter system reset synchronous_standby_names`
    await sql`select pg_reload_conf()`
  })

  test('is not granted by a standby, nor are orders read there; after its promotion the history has changed (S5d, S6c)', async () => {
    const standby = await standbyOf()
    const there = postgres(standby.url('postgres'), { max: 2, onnotice: () => {} })
    try {
      expect(await renew(standby.url('postgres'), 10)).toBe('busy')
      const has = { planeEpoch: 0, revision: 0 }
      await expect(readDesired(there, node.uid, has)).rejects.toThrow('recovery')
      await there`select pg_promote()`
      const before = await leaseRow(there, node)
      expect(await renew(standby.url('postgres'), 11)).toBe('busy')
      expect((await leaseRow(there, node)).until).toBe(before.until)
      const loaded = (await load(there, cluster.id)) as LoadedView
      const changed = await there.begin((tx) => changePlaneEpoch(tx, loaded, randomUUID()))
      expect(changed).toMatchObject({ number: 2, quarantined: true })
      expect(await renew(standby.url('postgres'), 12)).toBe('plane-epoch')
    } finally {
      await there.end({ timeout: 1 })
      await standby.stop()
    }
  })
})

/** Ends the wait for the standby as an impatient administrator would. */
async function cancelWaiting() {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const cancelled = await sql`
      select pg_cancel_backend(pid) from pg_stat_activity
      where wait_event = 'SyncRep' and application_name = 'holdfast-leases'`
    if (cancelled.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('no renewal waits for the standby')
}

/** A server on a copy of the primary's files, in recovery until it is promoted. */
async function standbyOf(): Promise<EmbeddedPostgres> {
  await sql`checkpoint`
  const url = server.url('postgres')
  await sql.end({ timeout: 1 })
  await server.stop()
  const copy = path.join(dir, 'standby')
  cpSync(path.join(dir, 'primary'), copy, { recursive: true })
  chmodSync(path.join(copy, 'data'), 0o700)
  writeFileSync(path.join(copy, 'data', 'standby.signal'), '')
  const port = Number(new URL(url).port)
  server = await startPostgres({ dir: path.join(dir, 'primary'), port })
  sql = postgres(url, { max: 3, onnotice: () => {} })
  return await startPostgres({ dir: copy, port: await freePort() })
}
