// The tool as a program, where there is no plane: exit codes, sentences, help and completion.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { complete } from '../../control-plane/cli/complete.ts'
import { createProgram } from '../../control-plane/cli/program.ts'
import { haManager, run, runHaManager } from './run.ts'
import { scratchFolderOfTest } from '../scratch.ts'

describe('exit codes', () => {
  test('3 and where to begin when no plane is known', async () => {
    const ran = await runHaManager(['status'])
    expect(ran).toMatchObject({ code: 3, out: '' })
    expect(ran.err).toContain('no plane is known')
    expect(ran.err).toContain('npm start')
    expect(ran.err).toContain('HOLDFAST_URL')
  })

  test('3 when nothing listens, as JSON where JSON was asked for', async () => {
    const ran = await runHaManager(['status', '--json'], { HOLDFAST_URL: 'http://127.0.0.1:1' })
    expect(ran.code).toBe(3)
    expect(JSON.parse(ran.err)).toMatchObject({ error: { code: 'connection-refused' } })
  })

  test.each([
    [['stauts'], 'Did you mean status?'],
    [['add'], 'missing required argument'],
    [['add', 'process:web'], 'what should process:web run?'],
    [['enable', 'process:web', '--wiat'], 'Did you mean --wait?'],
    [['status', '--url', 'nonsense'], 'not an http or https address'],
    [['add', 'process:web', '--state', 'up', '--', 'true'], 'Allowed choices'],
    [['relocate', 'process:web', 'n1', '--at', 'someday'], '--at must be a time'],
    [['fence', 'confirm', 'n1'], 'must be confirmed by a person'],
  ])('2 for %j', async (words, sentence) => {
    const ran = await runHaManager(
      words,
      words.includes('--url') ? {} : { HOLDFAST_URL: 'http://127.0.0.1:1' },
    )
    expect(ran.err).toContain(sentence)
    expect(ran.code).toBe(2)
  })

  test('0 for help', async () => {
    const ran = await runHaManager(['--help'])
    expect(ran).toMatchObject({ code: 0, err: '' })
    for (const word of ['status', 'relocate', 'why', 'fence', 'join-token', 'Exit codes'])
      expect(ran.out).toContain(word)
    expect(ran.out).not.toContain('__complete')
  })
})

test('the program is found through a chain of links from anywhere', async () => {
  const folder = scratchFolderOfTest('link')
  mkdirSync(path.join(folder, 'bin'))
  symlinkSync(haManager, path.join(folder, 'one'))
  symlinkSync('../one', path.join(folder, 'bin/ha-manager'))
  const ran = await run(path.join(folder, 'bin/ha-manager'), ['--help'])
  expect(ran).toMatchObject({ code: 0, err: '' })
})

describe('a plane that misbehaves', () => {
  let server: Server
  let url: string
  let answer: { status: number; body: string } = { status: 200, body: '' }
  beforeAll(async () => {
    server = createServer((_, response) => {
      response.writeHead(answer.status, { 'content-type': 'text/html' })
      response.end(answer.body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())

  test('and answers with something else than a problem is named so', async () => {
    answer = { status: 502, body: '<h1>Bad gateway</h1>' }
    const ran = await runHaManager(['nodes', '--cluster', 'lab'], { HOLDFAST_URL: url })
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('answered 502')
    expect(ran.err).not.toContain('<h1>')
  })

  test('is asked at its next address when the first does not listen', async () => {
    answer = { status: 200, body: '[]' }
    const ran = await runHaManager(['groups', '--cluster', 'lab', '--json'], {
      HOLDFAST_URL: `http://127.0.0.1:1,${url}`,
    })
    expect(ran).toMatchObject({ code: 0, out: '[]\n' })
  })
})

describe('completion', () => {
  const offered = (...words: string[]) => complete(createProgram(), words)

  test('offers commands, subcommands, options and choices from the command tree', async () => {
    expect(await offered('st')).toEqual(['status', 'start', 'stop'])
    expect(await offered('token', '')).toEqual(expect.arrayContaining(['create', 'list', 'revoke']))
    expect(await offered('relocate', 'process:web', 'n1', '--')).toEqual(
      expect.arrayContaining(['--wait', '--at', '--json', '--url']),
    )
    expect(await offered('add', 'process:web', '--state', 'st')).toEqual(['started', 'stopped'])
    expect(await offered('settings', 'set', '--profile', '')).toEqual(['edge', 'default', 'fast'])
    expect(await offered('node', 'maintenance', 'n1', '')).toEqual(['on', 'off'])
    expect(await offered('add', 'process:web', '--', '')).toEqual([])
  })

  test('offers nothing, quickly and silently, where a name is needed and no plane answers', async () => {
    const ran = await runHaManager(['__complete', '--', 'why', ''], {
      HOLDFAST_URL: 'http://127.0.0.1:1',
    })
    expect(ran).toEqual({ code: 0, out: '', err: '' })
  })

  test('every shell gets its script', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const ran = await runHaManager(['completion', shell])
      expect(ran.code).toBe(0)
      expect(ran.out).toContain('__complete')
    }
    expect((await runHaManager(['completion', 'tcsh'])).code).toBe(2)
  })

  test('works in bash', async () => {
    expect(await completeInBash('ha-manager stat')).toEqual(['status'])
    expect(await completeInBash('ha-manager join-token ')).toEqual(
      expect.arrayContaining(['create', 'list']),
    )
  })
})

/** Presses Tab after `line` in a real bash. */
async function completeInBash(line: string, env: Record<string, string> = {}): Promise<string[]> {
  const script = `PATH=${path.dirname(haManager)}:$PATH
    source <(ha-manager completion bash)
    COMP_LINE=${JSON.stringify(line)} COMP_POINT=\${#COMP_LINE}
    _ha_manager
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const ran = await run('bash', ['-c', script], env)
  expect(ran.err).toBe('')
  return ran.out.split('\n').filter(Boolean)
}
