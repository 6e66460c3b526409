// From an operator's `enable` to the running process, on a site with one idle node: real replica, real agent, real
// service. The service writes the wall clock of the same host at its very start; nothing is subtracted, but what a bare
// spawn of the same command takes here is shown beside it.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { createJoinToken, createToken } from '../../../control-plane/store/bootstrap.ts'
import { NodeProcess } from '../../e2e/node-process.ts'
import { Operator } from '../../e2e/operator.ts'
import { waitFor } from '../../e2e/wait.ts'
import { Bed } from '../bed/bed.ts'
import type { Bench } from '../main.ts'
import { atMost, type Measured } from '../figure.ts'

export const enableBench: Bench = async (server, quick) => {
  const bed = await Bed.make(server, 'enable')
  const client = new Agent({ connections: 1, pipelining: 1 })
  let node: NodeProcess | null = null
  try {
    const { id, name } = await bed.cluster('enable')
    const { secret } = await createToken(bed.sql, { name: 'b', role: 'admin', clusterId: null })
    const replica = await bed.replica('replica')
    const operator = new Operator(() => [replica], secret, name)
    const token = { clusterId: id, uses: 1, ttlSeconds: 60, createdBy: 'bench' }
    const joinToken = (await createJoinToken(bed.sql, token)).secret
    const where = { site: bed.dir, dir: bed.dir, urls: [replica.url], rebootMs: 1_000 }
    node = bed.keep(new NodeProcess({ ...where, name: 'n1', joinToken }))
    await operator.until(
      'the node to be online',
      ({ nodes }) => nodes[0]?.state === 'online',
      30_000,
    )
    const site = { bed, operator, client, url: replica.url, secret }
    const again = await measure(site, quick ? 8 : 50, false)
    const first = await measure(site, quick ? 2 : 6, true)
    const bare = await bareSpawns(bed, quick ? 10 : 40)
    return figures(again, first, bare)
  } finally {
    await node?.destroy().catch(() => {})
    await client.destroy()
    await bed.end()
  }
}

type Site = { bed: Bed; operator: Operator; client: Agent; url: string; secret: string }
type Trial = { fromAccepted: number; fromSent: number }

function figures(again: Trial[], first: Trial[], bare: number[]): Measured[] {
  const targets = [atMost('p50', 30), atMost('p99', 100)]
  return [
    {
      what: '202 received → stamp of the service',
      unit: 'ms',
      samples: again.map(({ fromAccepted }) => fromAccepted),
      targets,
    },
    { what: 'request sent → stamp', unit: 'ms', samples: again.map(({ fromSent }) => fromSent) },
    {
      what: '202 received → stamp, first start ever',
      unit: 'ms',
      samples: first.map(({ fromAccepted }) => fromAccepted),
      note: 'every node is asked first whether the service runs there already',
    },
    { what: 'for scale: a bare spawn → stamp', unit: 'ms', samples: bare },
  ]
}

/** So long the node is left alone between two starts, so that the last one's reports are over. */
const restMs = 200

const sidOf = (number: number) => `process:s${number}`
let services = 0

/** Each run is one enable of an idle service; `isFirst`: of one that never ran. */
async function measure(site: Site, runs: number, isFirst: boolean): Promise<Trial[]> {
  const trials: Trial[] = []
  for (let run = isFirst ? 1 : 0; run <= runs; run++) {
    if (isFirst || run === 0) services += 1
    const sid = sidOf(services)
    const file = join(site.bed.dir, `stamp-${services}`)
    if (isFirst || run === 0)
      await site.operator.post('/services', {
        ...{ sid, requested: 'stopped', spec: { command: stampCommand(file) } },
      })
    await settled(site, sid)
    await pause(restMs)
    const trial = await enableOnce(site, sid, file)
    // The first one of a series is the first start of its service.
    if (isFirst || run > 0) trials.push(trial)
    await running(site, sid)
    await site.operator.operate(sid, 'disable')
    rmSync(file)
  }
  return trials
}

const stampCommand = (file: string) => ['/bin/sh', '-c', `date +%s%N > ${file}; exec sleep 3600`]

/** Stopped, and every grant of it closed. */
async function settled(site: Site, sid: string): Promise<void> {
  const look = async () => {
    const [row] = await site.bed.sql<{ ok: boolean }[]>`
      select s.state = 'stopped' and not exists (
        select from run_grant g where g.sid = s.sid and g.closed_at is null) as ok
      from service_status s where s.sid = ${sid}`
    return row?.ok
  }
  await waitFor(look, { what: `${sid} to be stopped`, everyMs: 10 })
}

async function running(site: Site, sid: string): Promise<void> {
  const look = async () => {
    const [row] = await site.bed.sql<{ ok: boolean }[]>`
      select (record->>'running')::boolean as ok from service_status where sid = ${sid}`
    return row?.ok
  }
  await waitFor(look, { what: `${sid} to run`, everyMs: 10 })
}

async function enableOnce(site: Site, sid: string, file: string): Promise<Trial> {
  const sentMs = wallMs()
  const { statusCode, body } = await request(
    `${site.url}/api/v1/clusters/enable/services/${sid}/enable`,
    {
      method: 'POST',
      dispatcher: site.client,
      headers: { authorization: `Bearer ${site.secret}` },
    },
  )
  const acceptedMs = wallMs()
  const answer = await body.text()
  if (statusCode !== 202) throw new Error(`enable was answered ${statusCode}: ${answer}`)
  const stampMs = await stampIn(file)
  return { fromAccepted: stampMs - acceptedMs, fromSent: stampMs - sentMs }
}

async function stampIn(file: string): Promise<number> {
  const look = () => existsSync(file) && /^\d+\n$/.test(readFileSync(file, 'latin1'))
  await waitFor(look, { what: 'the service to start', everyMs: 5 })
  return Number(BigInt(readFileSync(file, 'latin1').trim()) / 1000n) / 1000
}

async function bareSpawns(bed: Bed, runs: number): Promise<number[]> {
  const samples: number[] = []
  const file = join(bed.dir, 'stamp-bare')
  for (let run = 0; run < runs; run++) {
    const startedMs = wallMs()
    const [command, ...args] = stampCommand(file) as [string, ...string[]]
    const child = spawn(command, args, { stdio: 'ignore', detached: true })
    samples.push((await stampIn(file)) - startedMs)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    rmSync(file)
  }
  return samples
}

/** The host's wall clock, which `date` reads too, finer than a millisecond. */
let offsetMs = Number.NaN
function wallMs(): number {
  if (Number.isNaN(offsetMs)) {
    // The moment in which the millisecond turns.
    const first = Date.now()
    while (Date.now() === first);
    offsetMs = Date.now() - performance.now()
  }
  return performance.now() + offsetMs
}
