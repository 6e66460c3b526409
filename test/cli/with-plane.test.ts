// The tool against a real plane: what it asks is what happens in the database.
import { writeFileSync } from 'node:fs'
import path, { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, makeRunning, servePlane, type TestPlane } from './plane.ts'
import { haManager, run, runHaManager } from './run.ts'
import { scratchFolderOfTest } from '../scratch.ts'

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
  await makeNode(database.sql, clusterId, 'n2')
  await makeRunning(database.sql, clusterId, 'process:web', n1)
})
afterAll(async () => {
  await plane.close()
})

describe('reading', () => {
  test('status --json has the names that other tools rely on', async () => {
    const status = await json('status')
    expect(Object.keys(status)).toEqual(
      expect.arrayContaining(['quorum', 'crm', 'nodes', 'services']),
    )
    for (const name of ['name', 'state', 'leaseRemainingMs', 'mode', 'watchdog'])
      expect(status.nodes[0]).toHaveProperty(name)
    for (const name of [
      'sid',
      'requested',
      'state',
      'node',
      'running',
      'generation',
      'failedNodes',
      'note',
    ])
      expect(status.services[0]).toHaveProperty(name)
  })

  test('status, nodes, services, config and service show are readable', async () => {
    expect((await cli('status')).out).toMatch(/process:web +started +started +n1 +yes/)
    expect((await cli('nodes')).out).toMatch(/^n2 +online/m)
    expect((await cli('services')).out).toContain('process:web')
    expect((await cli('config')).out).toContain('process:web\n\tcommand true\n')
    expect((await cli('service', 'show', 'process:web')).out).toContain(
      'now started on n1, running',
    )
  })

  test('the only cluster need not be named', async () => {
    const ran = await runHaManager(['nodes'], {
      HOLDFAST_URL: env.HOLDFAST_URL as string,
      HOLDFAST_TOKEN: env.HOLDFAST_TOKEN as string,
    })
    expect(ran).toMatchObject({ code: 0, err: '' })
  })

  test('a bad token, an unknown service and an unknown cluster are exit code 1 with the code of the plane', async () => {
    const bad = await cli('status', '--token', 'hfo_nonsense', '--json')
    expect([bad.code, JSON.parse(bad.err).error.code]).toEqual([1, 'unauthenticated'])
    const unknown = await cli('service', 'show', 'process:nothing', '--json')
    expect([unknown.code, JSON.parse(unknown.err).error.code]).toEqual([1, 'unknown-service'])
    const cluster = await cli('status', '--cluster', 'other', '--json')
    expect([cluster.code, JSON.parse(cluster.err).error.code]).toEqual([1, 'unknown-cluster'])
  })
})

describe('services', () => {
  test('add takes everything behind -- as the command, options of its own included', async () => {
    const options = '--state stopped --max-restart 3 --env A=b=c --stop-timeout 5s --comment ticks'
    const command = ['--', '/usr/bin/env', '--json', '-x', 'a b']
    const ran = await cli('add', 'process:clock', ...options.split(' '), ...command)
    expect(ran).toEqual({ code: 0, out: 'process:clock added\n', err: '' })
    const [row] = await database.sql`
      select requested, spec, max_restart, stop_timeout_ms, comment from service where sid = 'process:clock'`
    expect(row).toEqual({
      requested: 'stopped',
      spec: { command: ['/usr/bin/env', '--json', '-x', 'a b'], environment: { A: 'b=c' } },
      max_restart: 3,
      stop_timeout_ms: 5_000,
      comment: 'ticks',
    })
  })

  test('set changes what was named and keeps the rest; --delete goes back to defaults', async () => {
    expect((await cli('set', 'process:clock', '--env', 'D=e', '--max-restart', '2')).code).toBe(0)
    expect(
      (await cli('set', 'process:clock', '--delete', 'comment,stop-timeout', '--', 'sleep', '9'))
        .code,
    ).toBe(0)
    const [row] = await database.sql`
      select spec, max_restart, stop_timeout_ms, comment from service where sid = 'process:clock'`
    expect(row).toEqual({
      spec: { command: ['sleep', '9'], environment: { A: 'b=c', D: 'e' } },
      max_restart: 2,
      stop_timeout_ms: null,
      comment: '',
    })
  })

  test('failback, rebalancing and figures are set in the words of the reference, and put back', async () => {
    const read = async () => {
      const [row] = await database.sql`
        select failback, auto_rebalance, figures, max_restart from service where sid = 'process:clock'`
      return row
    }
    const options = '--failback 0 --auto-rebalance off --cpus 1.5 --memory 512M --max_restart 4'
    expect((await cli('set', 'process:clock', ...options.split(' '))).code).toBe(0)
    expect(await read()).toEqual({
      failback: false,
      auto_rebalance: false,
      figures: { cpus: 1.5, memoryBytes: 512 * 1024 ** 2 },
      max_restart: 4,
    })
    expect((await cli('set', 'process:clock', '--memory', '1G')).code).toBe(0)
    expect((await read())?.figures).toEqual({ cpus: 1.5, memoryBytes: 1024 ** 3 })
    expect((await cli('config')).out).toContain('\tauto_rebalance 0\n')
    const back = 'failback,auto-rebalance,figures,max_restart'
    expect((await cli('set', 'process:clock', '--delete', back)).code).toBe(0)
    expect(await read()).toEqual({
      failback: true,
      auto_rebalance: true,
      figures: null,
      max_restart: 1,
    })
    const half = await cli('set', 'process:clock', '--cpus', '2')
    expect([half.code, half.err]).toEqual([2, expect.stringContaining('go together')])
    expect((await cli('set', 'process:clock', '--failback', 'perhaps')).code).toBe(2)
  })

  test('a resource is added with its agent and parameters, and a group from a file', async () => {
    const agent = ['--agent', 'ocf:heartbeat:IPaddr2', '--monitor-interval', '5s']
    const params = ['--param', 'ip=192.0.2.7', '--param', 'nic=']
    expect((await cli('add', 'ocf:vip', ...agent, ...params)).code).toBe(0)
    expect((await cli('set', 'ocf:vip', '--param', 'nic=eth0', '--live')).code).toBe(0)
    const file = join(scratchFolderOfTest('spec'), 'group.json')
    const members = [{ name: 'vip', agent: 'ocf:heartbeat:IPaddr2', parameters: { ip: 'x' } }]
    writeFileSync(file, JSON.stringify({ members }))
    expect((await cli('add', 'ocf-group:web', '--spec', file)).code).toBe(0)
    const rows = await database.sql`
      select sid, spec from service where sid like 'ocf%' order by sid`
    expect(rows).toEqual([
      { sid: 'ocf-group:web', spec: { members: [{ ...members[0], operations: {} }] } },
      {
        sid: 'ocf:vip',
        spec: {
          agent: 'ocf:heartbeat:IPaddr2',
          parameters: { ip: '192.0.2.7', nic: 'eth0' },
          operations: { monitor: { intervalMs: 5_000 } },
          live: true,
        },
      },
    ])
    expect((await cli('set', 'ocf:vip', '--no-live')).code).toBe(0)
    writeFileSync(file, JSON.stringify({ agent: 'ocf:a:b', live: 'always' }))
    expect((await cli('add', 'ocf:b', '--spec', file)).err).toContain('live must be true or false')
    writeFileSync(file, JSON.stringify({ members, live: true }))
    expect((await cli('add', 'ocf-group:b', '--spec', file)).code).not.toBe(0)
    writeFileSync(file, '[]')
    expect((await cli('add', 'ocf-group:b', '--spec', file)).err).toContain('one JSON object')
  })

  test('a machine is added with its domain from a file, and keeps what else is said of it', async () => {
    const file = join(scratchFolderOfTest('spec'), 'domain.xml')
    const xml = (memory: number) =>
      `<domain type='kvm'><name>web</name><uuid>aaaaaaaa-0000-4000-8000-000000000100</uuid><memory>${memory}</memory></domain>`
    writeFileSync(file, xml(1))
    expect((await cli('add', 'vm:web', '--state', 'ignored', '--xml', file)).code).toBe(0)
    writeFileSync(file, xml(2))
    expect((await cli('set', 'vm:web', '--xml', file)).code).toBe(0)
    const [row] = await database.sql`select spec from service where sid = 'vm:web'`
    expect(row).toEqual({ spec: { xml: xml(2), diskLocks: 'qemu', migrateUnsafe: false } })
    writeFileSync(file, xml(3).replace('web', '../web'))
    expect((await cli('set', 'vm:web', '--xml', file)).err).toContain('xml: domain/name')
    expect((await cli('set', 'vm:web', '--xml', `${file}.none`)).err).toContain('cannot be read')
  })

  test('set refuses a version that is not the stored one, an unknown key and nothing at all', async () => {
    const stale = await cli('set', 'process:clock', '--comment', 'x', '--digest', '1', '--json')
    expect([stale.code, JSON.parse(stale.err).error.code]).toEqual([1, 'version-conflict'])
    expect((await cli('set', 'process:clock', '--delete', 'sid')).code).toBe(2)
    expect((await cli('set', 'process:clock')).code).toBe(2)
  })

  test('bad input is refused with the field and changes nothing', async () => {
    const count = () => database.sql`select from service`.then((rows) => rows.length)
    const before = await count()
    for (const [words, sentence] of [
      [['add', 'process:a/b', '--', 'true'], 'service id'],
      [['add', 'process:web', '--', 'true'], 'process:web'],
      [['add', 'vm:100', '--', 'true'], 'spec.command'],
      [['add', 'vm:100'], 'spec.xml'],
      [['add', 'ocf:vip'], 'spec.agent'],
      [['add', 'ocf:vip', '--agent', 'IPaddr2'], 'ocf:PROVIDER:TYPE'],
      [['add', 'ocf:vip', '--agent', 'ocf:a:b', '--monitor-interval', '1ms'], 'at least 500'],
      [['add', 'ct:a', '--container', '../a'], 'spec.container'],
      [['add', 'podman:a', '--image', '--privileged'], 'spec.image'],
      [['add', 'ocf-group:web', '--agent', 'ocf:a:b'], 'spec.agent: no such field'],
      [['add', 'process:x', '--group', 'nowhere', '--', 'true'], 'nowhere'],
    ] as const) {
      const ran = await cli(...words)
      expect({ words, code: ran.code }).toEqual({ words, code: 1 })
      expect(ran.err).toContain(sentence)
      expect(ran.err).not.toContain('    at ')
    }
    expect(await count()).toBe(before)
  })

  test('--dry-run says what would be, and changes nothing', async () => {
    const ran = await cli('add', 'process:dry', '--dry-run', '--', 'true')
    expect(ran.code).toBe(0)
    expect(ran.out).toContain('Nothing was changed')
    expect(await database.sql`select from service where sid = 'process:dry'`).toHaveLength(0)
    expect((await cli('disable', 'process:web', '--dry-run')).out).toContain('Nothing was changed')
    expect(await database.sql`select from command`).toHaveLength(0)
  })
})

describe('operations', () => {
  test('become commands, and the wish changes with them', async () => {
    const ran = await cli('disable', 'process:web')
    expect(ran.code).toBe(0)
    expect(ran.out).toMatch(/^disable process:web: accepted as [0-9a-f-]{36} \(pending\)\n$/)
    const [row] = await database.sql`select requested from service where sid = 'process:web'`
    expect(row).toEqual({ requested: 'disabled' })
    expect(await json('enable', 'process:web')).toMatchObject({ kind: 'enable', status: 'pending' })
  })

  test('in the spelling of the reference are the same', async () => {
    expect((await cli('crm-command', 'migrate', 'process:web', 'n2')).out).toContain(
      'migrate process:web n2: accepted',
    )
    expect((await cli('crm-command', 'node-maintenance', 'enable', 'n2')).code).toBe(0)
    expect(
      (await json('nodes')).find((node: { name: string }) => node.name === 'n2')
        .maintenanceRequested,
    ).toBe(true)
    expect((await cli('node', 'maintenance', 'n2', 'off')).code).toBe(0)
    expect((await cli('crm-command', 'stop', 'process:web', '0')).code).toBe(0)
    const [row] = await database.sql`select arguments from command where kind = 'stop'`
    expect(row).toEqual({ arguments: { stopTimeoutMs: 0 } })
    await cli('enable', 'process:web')
    await database.sql`delete from command where sid is null`
    const asked = await cli('crm-command', 'disarm-ha', 'ignore')
    expect(asked.out).toMatch(/^disarm in mode ignore: accepted as [0-9a-f-]{36}/)
    const [disarm] = await database.sql`
      delete from command where kind = 'disarm' returning sid, arguments`
    expect(disarm).toEqual({ sid: null, arguments: { mode: 'ignore' } })
    const armed = await cli('crm-command', 'arm-ha')
    expect(armed).toMatchObject({ code: 1 })
    expect(armed.err).toContain('the cluster is not disarmed')
    expect((await cli('disarm', 'both')).code).toBe(2)
  })

  test('--wait ends with the command: well, or with its reason and exit code 1', async () => {
    const finish = async (kind: string, status: string, reason: string) => {
      for (;;) {
        const rows = await database.sql`
          update command set status = ${status}, reason = ${reason}, finished_at = clock_timestamp()
          where kind = ${kind} and finished_at is null returning uid`
        if (rows.length > 0) return
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const [done] = await Promise.all([
      cli('restart', 'process:web', '--wait'),
      finish('restart', 'done', ''),
    ])
    expect(done).toMatchObject({ code: 0, out: 'restart process:web: done\n' })
    const [failed] = await Promise.all([
      cli('relocate', 'process:web', 'n2', '--wait=30s'),
      finish('relocate', 'failed', 'n2 did not start it'),
    ])
    expect(failed.code).toBe(1)
    expect(failed.err).toContain('relocate process:web failed: n2 did not start it')
    expect(failed.err).toContain('ha-manager why process:web')
    const [emptied] = await Promise.all([
      cli('node', 'maintenance', 'n2', 'on', '--wait'),
      finish('maintenance-on', 'done', 'nothing runs on it any more'),
    ])
    const text = 'maintenance of node n2 on: done (nothing runs on it any more)\n'
    expect(emptied).toMatchObject({ code: 0, out: text })
    await cli('node', 'maintenance', 'n2', 'off')
  })

  test('a wait that runs out is exit code 1 and names the command that goes on', async () => {
    const ran = await cli('restart', 'process:web', '--wait', '1s')
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('is not finished yet')
    expect(ran.err).toContain('goes on as command')
  })

  test('a node that renews is neither removed while it holds something nor confirmed dead', async () => {
    await database.sql`update lease set renewed_at = clock_timestamp()`
    const removed = await cli('node', 'remove', 'n1', '--json')
    expect([removed.code, JSON.parse(removed.err).error.code]).toEqual([1, 'grants-open'])
    const confirmed = await cli('fence', 'confirm', 'n1', '--type', 'n1', '--json')
    expect([confirmed.code, JSON.parse(confirmed.err).error.code]).toEqual([1, 'node-renews'])
    expect(await cli('node', 'remove', 'n2')).toMatchObject({ code: 0, out: 'node n2 removed\n' })
  })
})

test('names are completed from the plane, in bash too, with their colons', async () => {
  const ran = await cli('__complete', '--', 'why', '')
  expect(ran.out.split('\n')).toEqual(
    expect.arrayContaining(['process:web', 'process:clock', 'n1']),
  )
  const script = `PATH=${path.dirname(haManager)}:$PATH
    source <(ha-manager completion bash)
    COMP_LINE='ha-manager enable process:w' COMP_POINT=\${#COMP_LINE}
    _ha_manager
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const bash = await run('bash', ['-c', script], env)
  expect(bash).toMatchObject({ err: '', out: 'web\n' })
})
