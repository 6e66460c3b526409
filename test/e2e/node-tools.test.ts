// The tools on a node, as root there types them: the plane does it, wants it from then on, and says how it ended.
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { testSite } from './site.ts'

const site = testSite({ nodes: 2 })
const sid = 'process:a'
const agent = resolve(import.meta.dirname, '../../agent/ha-agent')

type End = { code: number; out: string; error: string }

/** As typed on that node; through `path` instead of the addresses of its join where that is given. */
function type(node: string, words: string[]): Promise<End> {
  const home = join(site.node(node).home, 'agent')
  const env = { PATH: process.env['PATH'] }
  return new Promise((done) => {
    execFile(agent, [...words, '--home', home], { env, timeout: 50_000 }, (failure, out, error) =>
      done({ code: failure === null ? 0 : Number(failure.code), out, error }),
    )
  })
}

const other = (name: string | null) => (name === 'n1' ? 'n2' : 'n1')

test('stop, start, restart and migrate are carried out, and the wish is set', async () => {
  await site.addService('a')
  const { node } = await site.running(sid)
  const here = node as string
  const stopped = await type(here, ['process', 'shutdown', 'a'])
  expect(stopped).toMatchObject({
    code: 0,
    out: expect.stringContaining('shutdown process:a: done'),
  })
  expect(await site.operator.service(sid)).toMatchObject({ requested: 'stopped', state: 'stopped' })
  expect(site.witness(sid).runs.at(-1)?.stopped).toBe(true)
  expect(await type(other(here), ['process', 'start', 'a'])).toMatchObject({ code: 0 })
  const { node: now } = await site.running(sid)
  const at = now as string
  const runs = site.witness(sid).runs.length
  expect(await type(at, ['process', 'restart', 'a'])).toMatchObject({ code: 0 })
  await site.running(sid, (name) => name === at)
  expect(site.witness(sid).runs).toHaveLength(runs + 1)
  expect(await type(at, ['process', 'migrate', 'a', other(at)])).toMatchObject({ code: 0 })
  await site.running(sid, (name) => name === other(at))
  const audit = (await site.operator.get('/audit?limit=100')) as { actor: string; path: string }[]
  const own = audit.filter(({ actor }) => /^node n[12]$/.test(actor)).map(({ path }) => path)
  expect(own.toSorted()).toEqual(
    ['migrate', 'restart', 'shutdown', 'start'].map((verb) => `/agent/v1/services/${sid}/${verb}`),
  )
})

test('status tells the same as the plane; stop of another node’s service is refused, and nothing changes', async () => {
  const { node } = await site.running(sid)
  const here = node as string
  const status = await type(here, ['process', 'status', 'a', '--json'])
  expect(JSON.parse(status.out)).toMatchObject({
    ...{ sid, requested: 'started', crmState: 'started', node: here, running: true },
  })
  const runs = site.witness(sid).runs.length
  const refused = await type(other(here), ['process', 'stop', 'a'])
  expect(refused).toMatchObject({ code: 1, error: expect.stringContaining(`is on ${here}`) })
  expect(await site.running(sid)).toMatchObject({ node: here, requested: 'started' })
  expect(site.witness(sid).runs).toHaveLength(runs)
})

test('what the cluster does not manage is left alone', async () => {
  const end = await type('n1', ['process', 'stop', 'nobody'])
  expect(end).toMatchObject({
    code: 4,
    error: expect.stringContaining('no service process:nobody'),
  })
})

test('without a plane nothing is done: one line, and the service runs on', async () => {
  const { node } = await site.running(sid)
  const here = node as string
  const runs = site.witness(sid).runs.length
  const end = await type(here, ['process', 'stop', 'a', '--url', 'http://127.0.0.1:1'])
  expect(end).toMatchObject({ code: 3, out: '' })
  expect(end.error.trim().split('\n')).toHaveLength(1)
  expect(await site.running(sid)).toMatchObject({ node: here, requested: 'started' })
  expect(site.witness(sid).runs).toHaveLength(runs)
})
