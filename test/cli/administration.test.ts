// The tool against a real plane: groups, tokens, settings, and the story of what happened.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, makeRunning, servePlane, type TestPlane } from './plane.ts'
import { haManager, runHaManager } from './run.ts'

const database = testDatabase()
let plane: TestPlane
let clusterId: number
let env: Record<string, string>
const cli = (...words: string[]) => runHaManager(words, env)
const json = async (...words: string[]) => JSON.parse((await cli(...words, '--json')).out)

beforeAll(async () => {
  plane = await servePlane(database.sql)
  const made = await makeCluster(database.sql, 'lab')
  clusterId = made.id
  env = { HOLDFAST_URL: plane.url, HOLDFAST_TOKEN: made.token, HOLDFAST_CLUSTER: 'lab' }
  const n1 = await makeNode(database.sql, clusterId, 'n1')
  await makeRunning(database.sql, clusterId, 'process:web', n1)
})
afterAll(async () => {
  await plane.close()
})

describe('groups', () => {
  test('are added, shown, changed and removed', async () => {
    expect(
      await cli('groupadd', 'east', '--nodes', 'n1:2,n3', '--restricted', '--comment', 'c'),
    ).toMatchObject({
      code: 0,
      // A node that was mistyped must not go unnoticed.
      out: 'group east added\nn3 is not a node of this cluster: it counts from the day it joins\n',
    })
    expect((await cli('groups')).out).toMatch(/east +n1:2,n3 +yes +no +c/)
    expect(
      (await cli('groupset', 'east', '--nodes', 'n1', '--no-restricted', '--nofailback')).code,
    ).toBe(0)
    expect(await json('groupconfig')).toMatchObject([
      { name: 'east', nodes: { n1: 0 }, restricted: false, nofailback: true, comment: 'c' },
    ])
    expect((await cli('groupset', 'east', '--failback')).code).toBe(0)
    expect((await json('groups'))[0].nofailback).toBe(false)
    await cli('set', 'process:web', '--group', 'east')
    const used = await cli('groupremove', 'east', '--json')
    expect([used.code, JSON.parse(used.err).error.code]).toEqual([1, 'group-in-use'])
    await cli('set', 'process:web', '--delete', 'group')
    expect(await cli('groupremove', 'east')).toMatchObject({ code: 0, out: 'group east removed\n' })
    expect((await cli('groupset', 'east')).code).toBe(2)
  })
})

describe('access', () => {
  test('a token works until it is revoked, and is shown once', async () => {
    const made = await json('token', 'create', 'eyes', '--role', 'viewer', '--ttl', '1h')
    const asViewer = (...words: string[]) => cli(...words, '--token', made.secret)
    expect((await asViewer('status')).code).toBe(0)
    const denied = await asViewer('disable', 'process:web', '--json')
    expect([denied.code, JSON.parse(denied.err).error.code]).toEqual([1, 'forbidden'])
    const list = await cli('token', 'list')
    expect(list.out).toMatch(/eyes +viewer +lab/)
    expect(list.out).not.toContain(made.secret)
    expect((await cli('token', 'revoke', made.id)).code).toBe(0)
    expect((await asViewer('status')).code).toBe(1)
  })

  test('a secret is alone on standard output, so that it can be piped', async () => {
    const ran = await cli('join-token', 'create', '--node', 'n9', '--uses', '2')
    expect(ran.out).toMatch(/^hfj_[\w-]+\n$/)
    const [row] = await json('join-token', 'list')
    expect(row).toMatchObject({
      node: 'n9',
      usesLeft: 2,
      createdBy: expect.stringMatching(/^test \(/),
    })
    expect((await cli('join-token', 'list')).out).toMatch(/n9 +2 +test \(\w+\) +until /)
    expect((await cli('join-token', 'revoke', row.id)).out).toBe(`join token ${row.id} revoked\n`)
  })
})

describe('settings', () => {
  test('are shown with what they mean, changed, and refused where they are unsound', async () => {
    const shown = await cli('settings')
    expect(shown.out).toContain('An outage of the plane is survived for certain up to 24.0 s.')
    const dry = await cli('settings', 'set', '--profile', 'edge', '--dry-run')
    expect(dry.out).toContain('survived for certain up to 50.0 s')
    expect((await json('settings')).settings.profile).toBe('default')
    const unsound = await cli('settings', 'set', '--lease', '10s', '--json')
    expect([unsound.code, JSON.parse(unsound.err).error.code]).toEqual([1, 'timing-unsound'])
    expect((await cli('settings', 'set', '--max-workers', '8', '--silent', '7s')).code).toBe(0)
    expect((await json('settings')).settings).toMatchObject({
      maxWorkers: 8,
      timing: { silentMs: 7_000 },
    })
    expect((await cli('settings', 'set')).code).toBe(2)
  })

  test('of scheduling change one by one and keep the others', async () => {
    const set = (line: string) => cli('settings', 'set', ...line.split(' '))
    const shown = await cli('settings')
    expect(shown.out).toMatch(/^scheduling +basic$/m)
    const alone = await set('--auto-rebalance yes --json')
    expect([alone.code, JSON.parse(alone.err).error]).toMatchObject([
      1,
      { code: 'invalid', fields: [{ field: 'scheduling.autoRebalance' }] },
    ])
    const first = await set('--scheduling static --auto-rebalance 1 --rebalance-threshold 0.5')
    expect(first.code).toBe(0)
    const second = await set('--rebalance-margin 0.2 --rebalance-hold 6 --rebalance-method topsis')
    expect(second.out).toMatch(/^rebalance hold +6 rounds$/m)
    expect((await json('settings')).settings.scheduling).toEqual({
      mode: 'static',
      rebalanceOnStart: false,
      autoRebalance: true,
      method: 'topsis',
      threshold: 0.5,
      holdRounds: 6,
      margin: 0.2,
    })
    expect((await set('--rebalance-margin lots')).code).toBe(2)
  })
})

describe('the story', () => {
  const log = async (line: string) =>
    database.sql.begin(async (tx) => {
      await tx`
        insert into change_log (cluster_id, at, kind, sid, node, line, why, change)
        values (${clusterId}, clock_timestamp(), 'service.state', 'process:web', 'n1', ${line}, 'a test', '{}')`
      await tx`select pg_notify('holdfast_events', ${String(clusterId)})`
    })

  test('why tells it for a service and for a node', async () => {
    await log('process:web: started → stopped (a test)')
    const why = await cli('why', 'process:web')
    expect(why).toMatchObject({ code: 0, err: '' })
    expect(why.out).toContain('process:web: started → stopped (a test)')
    expect(why.out).toContain('Now: ')
    expect((await cli('why', 'n1')).code).toBe(0)
    expect((await cli('why', 'process:never')).code).toBe(1)
  })

  test('events follows on, line by line, until it is ended', async () => {
    const child = spawn(haManager, ['events', '--follow', '--json'], {
      env: { ...process.env, ...env },
    })
    const lines: string[] = []
    const seen = new Promise<void>((resolve) =>
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        lines.push(...text.split('\n').filter(Boolean))
        if (lines.some((line) => line.includes('second'))) resolve()
        else if (lines.length > 0) void log('process:web: second')
      }),
    )
    await seen
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    expect(code).toBe(130)
    const ids = lines.map((line) => JSON.parse(line).id)
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
  })

  test('commands and audit list what was asked for, refused or not', async () => {
    await cli('disable', 'process:web')
    await cli('restart', 'process:nothing')
    await cli('enable', 'process:web')
    expect((await cli('commands', '--service', 'process:web')).out).toMatch(
      /enable process:web +pending/,
    )
    expect((await cli('audit', '--limit', '500')).out).toMatch(
      /test .*POST .*\/services\/process:web\/disable +202/,
    )
    expect((await cli('clusters')).out).toMatch(/^lab /m)
  })
})
