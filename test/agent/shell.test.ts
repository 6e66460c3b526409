// The parts around the decisions: one agent per node, a memory that is whole or not there, and a client that says what
// happened and repeats nothing by itself.
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createControlPlaneClient } from '../../agent/control-plane-client.ts'
import { readIdentity, writeIdentity } from '../../agent/identity.ts'
import { lockHome, lockNode } from '../../agent/lock.ts'
import { emptyJournal } from '../../agent/lrm/decide/resume.ts'
import { createJournalStore } from '../../agent/lrm/journal.ts'
import { systemRandom } from '../../shared/random.ts'

/** Its own: an agent locks its node's uid on the whole machine. */
const nodeUid = randomUUID()

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-agent-'))
})
afterEach(() => {
  rmSync(home, { recursive: true, force: true })
})

describe('the lock', () => {
  test('admits one agent per data directory and one per node (S15c)', async () => {
    expect(await lockHome(home)).toBe(true)
    expect(await lockHome(join(home, '..', home.split('/').at(-1) ?? ''))).toBe(false)
    expect(await lockNode(home)).toBe(true)
    expect(await lockNode(home)).toBe(false)
  })

  test('of a process that was killed is free at once', async () => {
    const script = `import { lockHome } from '${process.cwd()}/agent/lock.ts'
      if (await lockHome('${home}')) process.kill(process.pid, 'SIGKILL')`
    for (let times = 0; times < 2; times++) {
      const run = spawnSync(process.execPath, ['--input-type=module', '-e', script])
      expect(run.signal).toBe('SIGKILL')
    }
  })
})

describe('the journal', () => {
  test('comes back as it was written, with the note of the lease; neither is readable by others', async () => {
    const store = createJournalStore(home, 'boot-1')
    expect(store.read()).toEqual({ journal: null, note: null, managed: null })
    const journal = { ...emptyJournal('boot-1'), closed: { 'process:a': 4 }, armedMs: 3_000 }
    await store.write(journal)
    const lease = { epoch: 2, sentMs: 10.5, leaseMs: 60_000 }
    store.noteLease(lease)
    const managed = { digest: 'd', services: [{ sid: 'systemd:db', spec: {} }] }
    await store.writeManaged(managed)
    expect(store.read()).toEqual({ journal, note: { bootId: 'boot-1', lease }, managed })
    expect(statSync(join(home, 'journal.json')).mode & 0o077).toBe(0)
  })

  test('comes back with what the cluster had set; one of before that was kept reads as it did', async () => {
    const store = createJournalStore(home, 'boot-1')
    const old = emptyJournal('boot-1')
    await store.write(old)
    expect(store.read().journal).toEqual({ ...old, armedMs: 0 })
    const settings = { onLeaseLoss: 'reset', shutdownPolicy: 'freeze', maxWorkers: 2 } as const
    await store.write({ ...old, settings })
    expect(store.read().journal).toEqual({ ...old, settings })
  })

  test('that is damaged stops the agent: what was closed must not be forgotten', () => {
    writeFileSync(join(home, 'journal.json'), '{"bootId":')
    expect(() => createJournalStore(home, 'boot-1').read()).toThrow()
    writeFileSync(join(home, 'journal.json'), '{"bootId":"x"}')
    expect(() => createJournalStore(home, 'boot-1').read()).toThrow('damaged')
  })

  test('half a note of a lease is none', () => {
    writeFileSync(join(home, 'lease.json'), '{"bootId":"boot-1","le')
    expect(createJournalStore(home, 'boot-1').read().note).toBe(null)
  })
})

test('the identity holds a secret, and is for its owner only', () => {
  const identity = {
    ...{ nodeUid, credential: 'secret', cluster: 'lab', clusterUuid: nodeUid },
    ...{ node: 'n1', urls: ['http://127.0.0.1:1'] },
  }
  expect(readIdentity(home)).toBe(null)
  writeIdentity(home, identity)
  expect(readIdentity(home)).toEqual(identity)
  expect(statSync(join(home, 'identity.json')).mode & 0o777).toBe(0o600)
})

describe('the client', () => {
  type Handler = (request: IncomingMessage, response: ServerResponse) => void
  const servers: Server[] = []
  const seen: string[] = []

  async function plane(handler: Handler): Promise<string> {
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`)
      request.resume().on('end', () => handler(request, response))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const json =
    (status: number, body: unknown): Handler =>
    (_request, response) =>
      void response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify(body))
  const client = (urls: string[]) => {
    const random = { ...systemRandom(), float: () => 0 }
    return createControlPlaneClient({ urls, credential: 'hfn_x', random })
  }
  const planeEpoch = { number: 1, uuid: nodeUid }
  const answer = {
    ...{ epoch: 1, seq: 7, leaseMs: 1_000, planeEpoch, revision: 2, confirmed: [] },
    ...{ released: false, unguarded: false, serverTimeMs: 0 },
  }
  const request = { seq: 7 } as never

  afterEach(() => {
    for (const server of servers.splice(0)) server.closeAllConnections()
    seen.length = 0
  })

  test('sends its credential, and parses what comes back', async () => {
    const one = client([await plane(json(200, answer))])
    expect(await one.lease(request, 2_000)).toEqual({ kind: 'ok', answer })
    expect(seen).toEqual(['POST /agent/v1/lease Bearer hfn_x'])
    await one.close()
  })

  test('tells refusals from failures, and sends each request once', async () => {
    const problem = { code: 'fenced', title: 'fenced', status: 409, epoch: 3 }
    const cases: [Handler, object][] = [
      [json(409, problem), { kind: 'refused', status: 409, problem }],
      [
        json(503, { ...problem, code: 'plane-epoch', status: 503, planeEpoch }),
        { kind: 'refused' },
      ],
      [json(500, { oops: 1 }), { kind: 'failed', why: 'HTTP 500' }],
      [
        json(200, { ...answer, more: 1 }),
        { kind: 'failed', why: expect.stringContaining('not understood') },
      ],
      [
        (_r, response) => void response.writeHead(200).end('<html>'),
        { kind: 'failed', why: 'HTTP 200, not JSON' },
      ],
      [(_r, response) => response.socket?.destroy(), { kind: 'failed' }],
    ]
    for (const [handler, expected] of cases) {
      seen.length = 0
      const one = client([await plane(handler)])
      expect(await one.lease(request, 2_000)).toMatchObject(expected)
      expect(seen).toHaveLength(1)
      await one.close()
    }
  })

  test('goes to another address after a failure, and stays there', async () => {
    const dead = 'http://127.0.0.1:1'
    const sick = await plane(json(503, { code: 'busy', title: 'busy', status: 503 }))
    const well = await plane(json(200, answer))
    const one = client([dead, sick, well])
    const kinds: string[] = []
    for (let times = 0; times < 5; times++) kinds.push((await one.lease(request, 2_000)).kind)
    expect(kinds).toEqual(['failed', 'refused', 'ok', 'ok', 'ok'])
    await one.close()
  })

  test('gives up at its own deadline, and moves on', async () => {
    const mute = await plane(() => {})
    const well = await plane(json(200, answer))
    const one = client([mute, well])
    const beganMs = performance.now()
    expect(await one.lease(request, 100)).toMatchObject({
      kind: 'failed',
      why: expect.stringContaining('100 ms'),
    })
    expect(performance.now() - beganMs).toBeLessThan(1_000)
    expect((await one.lease(request, 2_000)).kind).toBe('ok')
    await one.close()
  })

  test('a parked poll holds up no renewal, ends in nothing new, and can be cancelled', async () => {
    const url = await plane((incoming, response) => {
      if (incoming.url?.includes('revision=1&')) response.writeHead(204).end()
      else if (incoming.method === 'POST') json(200, answer)(incoming, response)
    })
    const one = client([url])
    const cancel = new AbortController()
    const ask = (revision: number) =>
      one.desired({ planeEpoch: 1, revision, waitMs: 9_000 }, cancel.signal)
    expect(await ask(1)).toEqual({ kind: 'ok', answer: null })
    const parked = ask(2)
    expect((await one.lease(request, 2_000)).kind).toBe('ok')
    cancel.abort()
    expect(await parked).toMatchObject({
      kind: 'failed',
      why: expect.stringContaining('cancelled'),
    })
    await one.close()
  })
})
