// What cannot be started says so in one clear line, and touches nothing.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDataFolder } from '../../control-plane/site/data-folder.ts'

const script = fileURLToPath(new URL('../../control-plane/site/start.ts', import.meta.url))
const dev = fileURLToPath(new URL('../../control-plane/cli/main.ts', import.meta.url))
let place: string

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'holdfast-start-'))
})
afterAll(() => rmSync(place, { recursive: true, force: true }))

function run(program: string, args: string[], environment: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, HOLDFAST_HOME: join(place, 'site'), ...environment },
  })
  return { status, stdout, lines: stderr.split('\n').filter(Boolean) }
}

describe('npm start refuses in one line', () => {
  test.each([
    [['--nodes', '0'], '--nodes must be a whole number from 1 to 32, not "0"'],
    [['--nodes', 'three'], '--nodes must be a whole number'],
    [['--profile', 'slow'], '--profile must be edge, default, fast, not "slow"'],
    [['--port', '70000'], '--port must be a whole number from 1 to 65535'],
    [['--verbose'], "Unknown option '--verbose'"],
    [['extra'], "Unexpected argument 'extra'"],
  ])('%s', (args, sentence) => {
    const { status, lines } = run(script, args)
    expect(status).toBe(2)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(sentence)
    expect(existsSync(join(place, 'site'))).toBe(false)
  })

  test('a folder that holds something else', () => {
    const home = join(place, 'photos')
    mkdirSync(home)
    writeFileSync(join(home, 'cat.jpg'), '')
    const { status, lines } = run(script, ['--home', home])
    expect(status).toBe(1)
    expect(lines).toEqual([expect.stringContaining('holds something that is not a site (cat.jpg)')])
    expect(readdirSync(home)).toEqual(['cat.jpg'])
  })

  test('a file in place of the folder', () => {
    writeFileSync(join(place, 'file'), '')
    expect(run(script, ['--home', join(place, 'file')]).lines).toEqual([
      expect.stringContaining('is not a folder'),
    ])
  })

  test.each([
    [
      'another major version of Postgres',
      (data: string) => writeFileSync(join(data, 'PG_VERSION'), '15\n'),
      'belongs to Postgres 15',
    ],
    [
      'a data folder without its version',
      (data: string) => writeFileSync(join(data, 'postgresql.conf'), ''),
      'is broken (no PG_VERSION)',
    ],
  ])('%s', (name, damage, sentence) => {
    const home = join(place, name.replaceAll(' ', '-'))
    mkdirSync(join(home, 'postgres/data'), { recursive: true })
    writeFileSync(join(home, 'site.json'), '{"format":1}')
    damage(join(home, 'postgres/data'))
    const { status, lines } = run(script, ['--home', home])
    expect(status).toBe(1)
    expect(lines).toEqual([expect.stringContaining(sentence)])
  })

  test('a record that is broken', () => {
    const home = join(place, 'broken')
    mkdirSync(home)
    writeFileSync(join(home, 'site.json'), '{')
    expect(run(script, ['--home', home]).lines).toEqual([expect.stringContaining('is broken')])
  })

  test('a taken port', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    const { status, lines } = run(script, ['--home', join(place, 'port'), '--port', String(port)])
    taken.close()
    expect(status).toBe(1)
    expect(lines).toEqual([expect.stringContaining(`port ${port} is taken by another program`)])
  })

  test('a folder in which a site runs, by whatever name it is called', async () => {
    const home = join(place, 'running')
    await openDataFolder(home)
    symlinkSync(home, join(place, 'alias'))
    const { status, lines } = run(script, ['--home', join(place, 'alias')])
    expect(status).toBe(1)
    expect(lines).toEqual([expect.stringContaining('a site is already running in')])
  })
})

describe('ha-manager dev says what is missing', () => {
  test('no site', () => {
    const { status, lines } = run(dev, ['dev', 'cut', 'n1'], { HOLDFAST_HOME: join(place, 'none') })
    expect(status).toBe(3)
    expect(lines[0]).toContain('no local site in')
  })

  test('no such node, and a node without a supervisor', () => {
    const home = join(place, 'nodes')
    mkdirSync(join(home, 'nodes/n1'), { recursive: true })
    const environment = { HOLDFAST_HOME: home }
    expect(run(dev, ['dev', 'hang', 'n7'], environment).lines).toEqual([
      expect.stringContaining('no node "n7" in'),
    ])
    expect(run(dev, ['dev', 'status', 'n1'], environment).lines).toEqual([
      'ha-manager: n1 has no supervisor just now',
      'Is npm start running?',
    ])
  })
})
