// The admin scripts: everything straight on Postgres, with no plane running.
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPostgres } from '../../control-plane/site/embedded-postgres.ts'
import { hashSecret } from '../../control-plane/store/secrets.ts'
import { testDatabase } from '../database.ts'
import { freePort } from '../global-setup.ts'
import { makeCluster, makeNode, makeRunning } from './plane.ts'
import { runAdmin } from './run.ts'

const database = testDatabase()
const admin = (...words: string[]) => runAdmin(words, { DATABASE_URL: database.url })

describe('on a database', () => {
  let clusterId: number
  let nodeUid: string
  beforeAll(async () => {
    ;({ id: clusterId } = await makeCluster(database.sql, 'lab'))
    nodeUid = await makeNode(database.sql, clusterId, 'n1')
    await makeRunning(database.sql, clusterId, 'process:web', nodeUid)
  })

  test('a cluster is created once, by a sound name', async () => {
    expect(await admin('cluster', 'create', 'edge-1', '--profile', 'edge')).toMatchObject({
      code: 0,
    })
    const again = await admin('cluster', 'create', 'edge-1', '--json')
    expect(again.code).toBe(1)
    expect(JSON.parse(again.err).error.code).toBe('already-exists')
    expect(await admin('cluster', 'create', 'Not Good')).toMatchObject({ code: 2 })
    const [row] = await database.sql`
      select settings->>'profile' as profile, development from cluster where name = 'edge-1'`
    expect(row).toEqual({ profile: 'edge', development: false })
  })

  test('where there are several clusters, one must be named', async () => {
    const ran = await admin('status')
    expect(ran).toMatchObject({ code: 2, out: '' })
    expect(ran.err).toContain('edge-1, lab')
    expect((await admin('status', '--cluster', 'nowhere')).code).toBe(1)
  })

  test('the status shows nodes and services as the database has them', async () => {
    const text = await admin('status', '--cluster', 'lab')
    expect(text.code).toBe(0)
    expect(text.out).toMatch(/n1 +online +\d+\.\d s +active +simulated 10\.0 s, armed/)
    const json = JSON.parse((await admin('status', '--cluster', 'lab', '--json')).out)
    expect(json.services[0]).toMatchObject({ sid: 'process:web', node: 'n1', running: true })
  })

  test('a token is printed alone, stored hashed, and leaves an audit row without it', async () => {
    const ran = await admin(
      'token',
      'create',
      'ops',
      '--role',
      'viewer',
      '--cluster',
      'lab',
      '--ttl',
      '1d',
    )
    expect(ran.code).toBe(0)
    const secret = ran.out.trim()
    const [row] = await database.sql`
      select name, role, cluster_id, expires_at is not null as expires from token
      where hash = ${hashSecret(secret)}`
    expect(row).toEqual({ name: 'ops', role: 'viewer', cluster_id: clusterId, expires: true })
    const audit =
      await database.sql`select actor, path, detail::text from audit_log where path = 'token create'`
    expect(audit).toHaveLength(1)
    expect(audit[0]?.actor).toMatch(/^admin script \(/)
    expect(JSON.stringify(audit)).not.toContain(secret)
  })

  test('a join token carries its limits', async () => {
    const ran = await admin(
      'join-token',
      'create',
      '--node',
      'n7',
      '--uses',
      '3',
      '--cluster',
      'lab',
    )
    const [row] = await database.sql`
      select node, uses_left from join_token where hash = ${hashSecret(ran.out.trim())}`
    expect(row).toEqual({ node: 'n7', uses_left: 3 })
    for (const wrong of [
      ['--uses', '0'],
      ['--node', 'a b'],
      ['--ttl', 'soon'],
    ])
      expect((await admin('join-token', 'create', '--cluster', 'lab', ...wrong)).code).toBe(2)
  })

  test('check holds on sound rows and lists what is broken with exit code 1', async () => {
    const sound = await admin('check', '--json')
    expect(sound.err).toBe('')
    expect(JSON.parse(sound.out)).toEqual({ clusters: ['edge-1', 'lab'], violations: [] })
    expect(sound.code).toBe(0)

    // As after a restore that lost rows: triggers do not see it.
    await database.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await tx`delete from run_grant_holder where sid = 'process:web'`
    })
    const broken = await admin('check')
    expect(broken.code).toBe(1)
    expect(broken.out).toContain('lab: an open grant has at least one open holder: process:web')
    await database.sql`
      insert into run_grant_holder (cluster_id, sid, generation, node_uid, epoch, opened_at, confirmed_at,
        confirmed_plane_epoch)
      select cluster_id, sid, generation, ${nodeUid}, 2, clock_timestamp(), clock_timestamp(), 1
      from run_grant where sid = 'process:web'`
    expect((await admin('check')).code).toBe(0)
  })

  test('check knows rules: nodes that never were, and services that are none', async () => {
    const rule = (id: string, resources: string, nodes: string) => database.sql`
      insert into rule (cluster_id, id, position, type, resources, nodes, strict)
      values (${clusterId}, ${id}, 1, 'node-affinity', ${resources}::text::jsonb, ${nodes}::text::jsonb, true)`
    await rule('sound', '["process:web", "process:gone"]', '{"n1": 1}')
    expect((await admin('check')).code).toBe(0)
    await rule('lost', '["process:web"]', '{"n1": 1, "n7": 2}')
    await rule('empty', '[]', '{"n1": 1}')
    await rule('twice', '["process:web", "process:web"]', '[]')
    await rule('broken', '"process:web"', '{"n1": 1}')
    const broken = JSON.parse((await admin('check', '--json', '--cluster', 'lab')).out)
    expect(broken.violations.map(({ what }: { what: string }) => what).sort()).toEqual([
      'rule broken',
      'rule empty',
      'rule lost names node n7',
      'rule twice',
    ])
    await database.sql`delete from rule`
  })

  test('a node that renews is not confirmed dead, whatever is typed', async () => {
    await database.sql`update lease set renewed_at = clock_timestamp() where node_uid = ${nodeUid}`
    const ran = await admin(
      'fence',
      'confirm',
      'n1',
      '--type',
      'n1',
      '--force',
      '--cluster',
      'lab',
      '--json',
    )
    expect(ran.code).toBe(1)
    expect(JSON.parse(ran.err).error.code).toBe('node-renews')
  })

  test('a silent node is confirmed dead by its typed name only, before the deadline by force only', async () => {
    await database.sql`
      update lease set renewed_at = clock_timestamp() - interval '20 s' where node_uid = ${nodeUid}`
    const codes = async (...words: string[]) => {
      const ran = await admin('fence', 'confirm', 'n1', '--cluster', 'lab', '--json', ...words)
      return [ran.code, JSON.parse(ran.err).error.code]
    }
    expect(await codes('--type', 'n2', '--force')).toEqual([1, 'name-mismatch'])
    expect(await codes('--type', 'n1')).toEqual([1, 'before-deadline'])
    const open = await database.sql`select from run_grant where closed_at is null`
    expect(open).toHaveLength(1)

    const ran = await admin('fence', 'confirm', 'n1', '--type', 'n1', '--force', '--cluster', 'lab')
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toContain('process:web')
    expect(await database.sql`select from run_grant where closed_at is null`).toHaveLength(0)
    const [evidence] = await database.sql`select kind, facts from evidence`
    expect(evidence).toMatchObject({ kind: 'operator', facts: { force: true } })
    expect((await admin('check')).code).toBe(0)
  })

  test('restored marks every cluster so that the next round changes the plane epoch', async () => {
    expect((await admin('restored', '--type', 'yes')).code).toBe(1)
    expect((await admin('restored')).code).toBe(2)
    const ran = await admin('restored', '--type', 'restored', '--json')
    expect(JSON.parse(ran.out)).toEqual({ clusters: ['edge-1', 'lab'] })
    expect(await database.sql`select from plane_epoch where system_id <> 'restored'`).toHaveLength(
      0,
    )
  })
})

describe('without a database', () => {
  test('it is exit code 3 and what to set', async () => {
    const none = await runAdmin(['status'])
    expect(none.code).toBe(3)
    expect(none.err).toContain('DATABASE_URL')
    const dead = await runAdmin(['status', '--json'], {
      DATABASE_URL: 'postgres://postgres@127.0.0.1:1/x',
    })
    expect(dead.code).toBe(3)
    expect(dead.err).not.toContain('    at ')
  })
})

describe('on the Postgres of a site that is not running', () => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'holdfast-admin-'))
  const dir = path.join(home, 'postgres')
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  test('the server runs for the length of the command only', async () => {
    const server = await startPostgres({ dir, port: await freePort(), fast: true })
    const sql = postgres(server.url('postgres'), { max: 1, onnotice: () => {} })
    await sql`create database holdfast`
    await sql.end()

    // While it runs it is found by its own lock file.
    const early = await runAdmin(['status', '--json'], { HOLDFAST_HOME: home })
    expect(JSON.parse(early.err).error.code).toBe('not-migrated')
    await server.stop()

    for (const [words, code] of [
      [['migrate'], 0],
      [['cluster', 'create', 'lab'], 0],
      [['status'], 0],
      [['check'], 0],
    ] as const) {
      const ran = await runAdmin([...words], { HOLDFAST_HOME: home })
      expect({ words, code: ran.code, err: ran.err }).toEqual({ words, code, err: '' })
    }
    // Nothing is left: the folder is free for the next server.
    const again = await startPostgres({ dir, port: await freePort(), fast: true })
    await again.stop()
  })
})
