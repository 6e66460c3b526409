// The tool and fence devices: set up with a password that no command line shows, listed, tested and removed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDatabase } from '../database.ts'
import { type Bmc, machine, startBmc } from '../fence/redfish-server.ts'
import { makeCluster, makeNode, servePlane, type TestPlane } from './plane.ts'
import { runHaManager } from './run.ts'

const database = testDatabase()
let plane: TestPlane
let bmc: Bmc
let env: Record<string, string>
const folder = mkdtempSync(join(tmpdir(), 'holdfast-secret-'))
const passwordFile = join(folder, 'password')
const cli = (...words: string[]) => runHaManager(['fence-device', ...words], env)

beforeAll(async () => {
  plane = await servePlane(database.sql)
  bmc = await startBmc()
  writeFileSync(passwordFile, 'geheim\n')
  const { id, token } = await makeCluster(database.sql, 'lab')
  env = { HOLDFAST_URL: plane.url, HOLDFAST_TOKEN: token, HOLDFAST_CLUSTER: 'lab' }
  await makeNode(database.sql, id, 'n1')
  await database.sql`update node set hardware_id = ${machine.UUID.toLowerCase()}`
})
afterAll(async () => {
  await plane.close()
  await bmc.close()
  rmSync(folder, { recursive: true })
})

test('a controller is added, listed, tested and removed', async () => {
  const where = ['--address', bmc.url, '--user', 'fence', '--pin', bmc.pin]
  const added = await cli('add', 'n1', 'redfish', ...where, '--password-file', passwordFile)
  expect(added).toMatchObject({ code: 0, err: '' })
  expect(added.out).toContain(`redfish can switch n1 off: uuid ${machine.UUID}, serial SN-0042`)
  const line = new RegExp(`n1 +redfish +redfish +uuid ${machine.UUID}, serial SN-0042 +${bmc.url}`)
  expect((await cli('list')).out).toMatch(line)
  expect((await cli('list', 'n1')).out).toMatch(line)
  const tested = await cli('test', 'n1')
  expect(tested.code).toBe(0)
  expect(tested.out).toMatch(/redfish +on +uuid .* it is the machine that it must be/)
  expect((await runHaManager(['status'], env)).out).toMatch(/FENCE DEVICE/)
  bmc.answer = (_, response) => {
    response.writeHead(503).end()
    return true
  }
  const dark = await cli('test', 'n1')
  bmc.answer = null
  expect(dark).toMatchObject({ code: 1 })
  expect(dark.out).toContain('the controller answers HTTP 503')
  expect(await cli('remove', 'n1', 'redfish')).toMatchObject({ code: 0 })
  expect((await cli('list')).out).not.toContain('redfish')
})

test.each([
  ['without its password', ['--address', 'https://x', '--user', 'u'], 'needs --password-file'],
  [
    'with a file that is not there',
    ['--address', 'https://x', '--user', 'u', '--password-file', '/no'],
    'cannot be read',
  ],
  ['without an address', ['--user', 'u'], 'needs --address'],
])('%s it says what is missing', async (_, words, sentence) => {
  const ran = await cli('add', 'n1', 'redfish', ...words)
  expect(ran.code).toBe(2)
  expect(ran.err).toContain(sentence)
})

test.each([
  [
    '--address',
    'redfish',
    ['--address', 'http://bmc.example', '--user', 'u'],
    'must begin with https://',
  ],
  [
    '--pin',
    'redfish',
    ['--address', 'https://x', '--user', 'u', '--pin', 'abc'],
    'must be a SHA-256',
  ],
  [
    '--param delay',
    'fence-agent',
    ['--agent', 'fence_apc', '--plug', '1', '--param', 'delay=5'],
    'must not name',
  ],
  ['--uri', 'libvirt', ['--uri', 'qemu'], 'must be a connection URI'],
])(
  'what is wrong with %s of a %s device is told by that name',
  async (option, kind, words, sentence) => {
    const secret = kind === 'redfish' ? ['--password-file', passwordFile] : []
    const ran = await cli('add', 'n1', kind, ...words, ...secret)
    expect(ran.code).toBe(1)
    expect(ran.err).toContain(option.split(' ')[0])
    expect(ran.err).toContain(sentence)
    expect(ran.err).not.toContain('options.')
  },
)

test('a machine that is another is refused with both names', async () => {
  const where = ['--address', bmc.url, '--user', 'fence', '--pin', bmc.pin, '--serial', 'SN-7']
  const ran = await cli('add', 'n1', 'redfish', ...where, '--password-file', passwordFile)
  expect(ran.code).toBe(1)
  expect(ran.err).toContain('it speaks of uuid')
  expect(ran.err).toContain('SN-7')
})
