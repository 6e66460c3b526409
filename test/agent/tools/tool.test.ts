// `ha-agent vm stop 100`: asks the plane with the node's credential and does nothing by itself; how it ended is the exit code.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeIdentity } from '../../../agent/identity.ts'
import { readTool } from '../../../agent/tools/command-line.ts'
import { runTool } from '../../../agent/tools/tool.ts'

const uid = '4c3f2a6e-7c1d-4b52-9f0e-0a1b2c3d4e5f'
const row = { uid, kind: 'stop', sid: 'vm:100', node: null, status: 'pending', reason: '' }
const seen = {
  ...{ sid: 'vm:100', requested: 'started', state: 'started', crmState: 'started', node: 'n1' },
  ...{ target: null, running: true, note: 'waits for n2' },
}
type Reply = { status: number; body: unknown } | 'break'

let home: string
let server: Server
let url: string
/** What was asked, and what is answered, in turn; the last one again. */
let asked: { what: string; credential: string | undefined; body: string }[]
let replies: Reply[]
/** What is said of a service whenever that is asked; null: one of `replies`. */
let look: unknown

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-tool-'))
  asked = []
  replies = []
  look = null
  server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const clusterUuid = 'b0f8a3d2-54f1-4a7b-8d36-2e6f4d1c9a10'
  const identity = { nodeUid: uid, credential: 'secret', cluster: 'lab', clusterUuid, node: 'n1' }
  writeIdentity(home, { ...identity, urls: [url] })
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
  rmSync(home, { recursive: true, force: true })
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = ''
  for await (const part of request) body += part
  const what = `${request.method} ${request.url?.replace(/\?wait=\d+$/, '')}`
  asked.push({ what, credential: request.headers.authorization, body })
  if (look !== null && what.startsWith('GET /agent/v1/services/')) {
    response.end(JSON.stringify(look))
    return
  }
  const reply = (replies.length > 1 ? replies.shift() : replies[0]) ?? 'break'
  if (reply === 'break') request.socket.destroy()
  else response.writeHead(reply.status).end(JSON.stringify(reply.body))
}

const run = (...words: string[]) => runTool([...words, '--home', home], {})
const ok = (body: unknown): Reply => ({ status: 200, body })
const problem = (status: number, code: string, detail: string): Reply => ({
  status,
  body: { type: `urn:${code}`, title: code, code, status, detail },
})

describe('a tool', () => {
  test('asks with the node’s credential, follows the command to its end, and says so', async () => {
    replies = [{ status: 202, body: row }, ok({ ...row, status: 'done' })]
    expect(await run('vm', 'stop', '100')).toEqual({
      ...{ exitCode: 0, out: 'stop vm:100: done\n', error: '' },
    })
    expect(asked).toEqual([
      {
        ...{ what: 'POST /agent/v1/services/vm:100/stop', body: '{}' },
        credential: 'Bearer secret',
      },
      { what: `GET /agent/v1/commands/${uid}`, body: '', credential: 'Bearer secret' },
    ])
  })

  test('says why it failed or was refused, with 1', async () => {
    replies = [ok({ ...row, status: 'failed', reason: 'it does not end' })]
    const failed = await run('vm', 'shutdown', '100', '--timeout', '5')
    expect(failed).toMatchObject({ exitCode: 1, out: '' })
    expect(failed.error).toBe('ha-agent: shutdown vm:100 failed: it does not end\n')
    expect(asked[0]?.body).toBe('{"timeoutMs":5000}')
    replies = [problem(409, 'forbidden-by-rule', 'rule apart keeps them apart')]
    const refused = await run('ct', 'migrate', '7', 'n2')
    expect(refused).toMatchObject({ exitCode: 1, error: 'ha-agent: rule apart keeps them apart\n' })
    expect(asked[1]).toMatchObject({ what: 'POST /agent/v1/services/ct:7/migrate' })
    expect(asked[1]?.body).toBe('{"node":"n2"}')
  })

  test('that is not finished in time says what it waits for, and where it goes on', async () => {
    look = seen
    replies = [ok(row)]
    const end = await run('vm', 'stop', '100', '--wait', '0.1')
    expect(end).toMatchObject({ exitCode: 1 })
    expect(end.error).toContain(`not finished yet: waits for n2; it goes on as command ${uid}`)
    expect(await run('vm', 'stop', '100', '--wait', '0')).toMatchObject({
      ...{ exitCode: 0, out: `stop vm:100: accepted as ${uid} (pending)\n` },
    })
  })

  test.each(['unknown-service', 'service-ignored', 'hands-off'])(
    'of what the cluster does not manage (%s) ends with 4, and nothing was done',
    async (code) => {
      replies = [problem(409, code, 'service vm:100 is not managed')]
      expect(await run('vm', 'start', '100')).toMatchObject({
        ...{ exitCode: 4, error: 'ha-agent: service vm:100 is not managed; nothing was done\n' },
      })
    },
  )

  test('shows requested state, CRM state, node and note', async () => {
    replies = [ok(seen)]
    const { exitCode, out } = await run('vm', 'status', '100')
    expect({ exitCode, lines: out.split('\n') }).toEqual({
      exitCode: 0,
      lines: [
        'vm:100',
        '  requested started',
        '  state     started',
        '  CRM state started',
        '  node      n1',
        '  note      waits for n2',
        '',
      ],
    })
    expect(JSON.parse((await run('vm', 'status', '100', '--json')).out)).toEqual(seen)
  })

  test('with --json prints the command’s row, and an error as an object', async () => {
    replies = [ok({ ...row, status: 'done' })]
    const end = await run('unit', 'stop', 'db', '--json')
    expect(JSON.parse(end.out)).toEqual({ ...row, status: 'done' })
    expect(asked[0]?.what).toBe('POST /agent/v1/services/systemd:db/stop')
    replies = [problem(403, 'not-of-this-node', 'it is on n2')]
    const { error } = await run('vm', 'stop', '100', '--json')
    expect(JSON.parse(error)).toEqual({
      error: { code: 'not-of-this-node', message: 'it is on n2' },
    })
  })
})

describe('without a plane', () => {
  test('there is one line and 3, and nothing is done here', async () => {
    const before = readdirSync(home)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    const end = await run('process', 'stop', 'a')
    expect(end).toMatchObject({ exitCode: 3, out: '' })
    expect(end.error).toMatch(
      /^ha-agent: the plane at .* cannot be reached .* nothing was done.*\n$/,
    )
    expect(readdirSync(home)).toEqual(before)
  })

  test('that is heard but does not answer, the request is not sent a second time', async () => {
    replies = ['break']
    const end = await run('process', 'stop', 'a', '--url', `${url},${url}`)
    expect(end).toMatchObject({ exitCode: 3 })
    expect(end.error).toContain('whether it accepted is not known')
    expect(asked).toHaveLength(1)
  })

  test('another address is tried where nothing listens', async () => {
    replies = [ok({ ...row, status: 'done' })]
    const end = await run('vm', 'stop', '100', '--url', `http://127.0.0.1:1,${url}`)
    expect(end).toMatchObject({ exitCode: 0 })
  })

  test('after the command was accepted, it is looked for again until the wait is over', async () => {
    replies = [ok(row), 'break', ok({ ...row, status: 'done' })]
    expect(await run('vm', 'stop', '100')).toMatchObject({ exitCode: 0 })
    replies = [ok(row), 'break']
    const end = await run('vm', 'stop', '100', '--wait', '0.5')
    expect(end).toMatchObject({ exitCode: 3 })
    expect(end.error).toContain(`accepted as command ${uid}, and goes on`)
  })

  test('one that is busy, or asked too often, accepted nothing and is asked again', async () => {
    replies = [
      problem(429, 'too-many-requests', 'in 1 s'),
      problem(503, 'busy', 'try again'),
      ok({ ...row, status: 'done' }),
    ]
    expect(await run('vm', 'stop', '100')).toMatchObject({ exitCode: 0 })
    expect(asked.map(({ what }) => what)).toEqual(Array(3).fill(asked[0]?.what))
  })
})

test('a machine that is no node says so, and asks nobody', async () => {
  rmSync(join(home, 'identity.json'))
  const end = await run('vm', 'stop', '100')
  expect(end).toMatchObject({ exitCode: 2 })
  expect(end.error).toContain('has no identity')
  expect(asked).toEqual([])
})

test.each([
  [['vm'], 'after vm comes one of'],
  [['vm', 'destroy', '100'], 'after vm comes one of'],
  [['vm', 'stop'], 'which one?'],
  [['vm', 'stop', '../x'], 'service id must be'],
  [['vm', 'stop', '1', '2'], 'unexpected: 2'],
  [['vm', 'migrate', '1'], 'to which node?'],
  [['vm', 'migrate', '1', '-'], 'node name must be'],
  [['vm', 'stop', '1', '--timeout', '5'], '--timeout is of shutdown only'],
  [['vm', 'shutdown', '1', '--timeout', '1h'], '--timeout must be'],
  [['vm', 'stop', '1', '--force'], "Unknown option '--force'"],
  [['vm', 'stop', '1', '--home', 'x'], '--home must be'],
  [['vm', 'stop', '1', '--url', 'ftp://x'], '--url must be'],
])('wrong usage %j is named before anything is read', (words, fault) => {
  expect(readTool(words, {})).toMatchObject({ fault: expect.stringContaining(fault) })
})
