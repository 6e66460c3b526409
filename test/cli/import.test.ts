// The tool against a real plane: a folder of an older manager's files, looked at first and then taken over.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, servePlane, type TestPlane } from './plane.ts'
import { runHaManager } from './run.ts'

const database = testDatabase()
const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-import-'))
let plane: TestPlane
let env: Record<string, string>
const cli = (...words: string[]) => runHaManager(words, env)

beforeAll(async () => {
  plane = await servePlane(database.sql)
  const { id, token } = await makeCluster(database.sql, 'lab')
  env = { HOLDFAST_URL: plane.url, HOLDFAST_TOKEN: token, HOLDFAST_CLUSTER: 'lab' }
  await makeNode(database.sql, id, 'n1')
  // As on a node of the old manager: settings beside, the rest in a folder of its own.
  mkdirSync(path.join(folder, 'ha'))
  write('datacenter.cfg', 'keyboard: de\nmax_workers: 6\n')
  write('ha/resources.cfg', 'vm: 100\n\tgroup web\n\nct: 101\n\tstate stopped\n')
  write('ha/groups.cfg', 'group: web\n\tnodes n1\n')
  write('ha/rules.cfg', 'node-affinity: near\n\tnodes n9\n\tresources ct:101\n')
  write('ha/manager_status', '{"service_status":{"vm:100":{"state":"started","node":"n1"}}}')
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await plane.close()
})

function write(name: string, text: string): void {
  writeFileSync(path.join(folder, name), text)
}

test('what is wrong is told by file and line, and nothing is taken over', async () => {
  const ran = await cli('import', folder)
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(ran.err).toMatch(/^ {2}rules\.cfg:1: node-affinity: near: nodes name n9/m)
  expect(await database.sql`select from service`).toHaveLength(0)
  write('ha/rules.cfg', 'node-affinity: near\n\tnodes n1\n\tresources ct:101\n')
})

test('a dry run shows what would be; then it is, and nothing of it is started', async () => {
  const dry = await cli('import', folder, '--dry-run')
  expect(dry.out).toMatch(
    /^Nothing was changed\. It would import 1 group, 2 services, 1 rule, settings maxWorkers\.$/m,
  )
  expect(dry.out).toMatch(/^vm:100 +ignored +started +started on n1 +n1$/m)
  expect(await database.sql`select from service`).toHaveLength(0)
  const done = await cli('import', folder)
  expect(done).toMatchObject({ code: 0, err: '' })
  expect(done.out).toMatch(/^Imported 1 group, 2 services, 1 rule, settings maxWorkers\.$/m)
  expect(done.out).toMatch(/^datacenter\.cfg:1 keyboard: not about high availability: left out$/m)
  expect(done.out).toContain('Nothing was started, stopped or moved')
  expect(await database.sql`select sid, requested from service order by sid`).toEqual([
    { sid: 'ct:101', requested: 'ignored' },
    { sid: 'vm:100', requested: 'ignored' },
  ])
})

test('a folder without such files, and none at all, are wrong usage', async () => {
  const empty = path.join(folder, 'empty')
  mkdirSync(empty)
  for (const [where, sentence] of [
    [empty, 'has none of resources.cfg'],
    [path.join(folder, 'nowhere'), 'there is no folder'],
  ] as const) {
    const ran = await cli('import', where)
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(sentence)])
  }
})

test('a file in another encoding is named with its line, and nothing of it comes in mangled', async () => {
  const foreign = path.join(folder, 'foreign')
  mkdirSync(foreign)
  writeFileSync(
    path.join(foreign, 'resources.cfg'),
    Buffer.from('vm: 700\n\tcomment B\xfcro\n', 'latin1'),
  )
  const ran = await cli('import', foreign)
  expect([ran.code, ran.err]).toEqual([2, expect.stringContaining('resources.cfg:2 is not UTF-8')])
  expect((await cli('config')).out).not.toContain('vm:700')
})

test('files that are too much for one request are told with the way out', async () => {
  const large = path.join(folder, 'large')
  mkdirSync(large)
  writeFileSync(path.join(large, 'resources.cfg'), 'vm: 800\n')
  writeFileSync(path.join(large, 'manager_status'), ' '.repeat(1024 * 1024))
  const ran = await cli('import', large)
  expect([ran.code, ran.err]).toEqual([1, expect.stringContaining('Leave out manager_status')])
})
