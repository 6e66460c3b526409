// Memory of processes that have been at their ordinary work for a while: an agent with nothing to run, as it is shipped
// where it has been built, and a replica whose 1,000 nodes renew at the default rate with a poll parked for each.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { createJoinToken } from '../../../control-plane/store/bootstrap.ts'
import { profiles } from '../../../shared/timing.ts'
import { waitFor } from '../../e2e/wait.ts'
import { Bed, type Server } from '../bed/bed.ts'
import { type FleetNode, makeFleet, nextRenewal } from '../bed/fleet.ts'
import type { Bench } from '../main.ts'
import { atMost, type Measured } from '../figure.ts'
import { memoryOf } from '../machine.ts'

const fromSource = fileURLToPath(new URL('../../../agent/ha-agent', import.meta.url))
/** As it is shipped, where `npm run build:agent` has been run. */
const packaged = fileURLToPath(new URL('../../../dist/ha-agent', import.meta.url))

export const memoryBench: Bench = async (server, quick) => {
  const seconds = quick ? 6 : 20
  return [
    await idleAgent(server, quick ? 6 : 60),
    await planeWith(server, { clusters: 50, nodesEach: 20 }, seconds),
    await planeWith(server, { clusters: 1, nodesEach: 1_000 }, seconds),
  ]
}

async function idleAgent(server: Server, seconds: number): Promise<Measured> {
  const bed = await Bed.make(server, 'agent_memory')
  let agent: ChildProcess | null = null
  const isPackaged = existsSync(packaged)
  try {
    const { id } = await bed.cluster('memory')
    const { url } = await bed.replica('replica')
    const token = { clusterId: id, uses: 1, ttlSeconds: 60, createdBy: 'bench' }
    const { secret } = await createJoinToken(bed.sql, token)
    agent = startAgent(isPackaged ? packaged : fromSource, { dir: bed.dir, url, secret })
    const isOnline = async () =>
      (await bed.sql`select from node_status where state = 'online'`).length === 1
    await waitFor(isOnline, { what: 'the agent to be online', timeoutMs: 20_000 })
    const samples = await sampled(agent.pid as number, seconds)
    return {
      what: isPackaged ? 'idle agent, packaged' : 'idle agent, from source',
      unit: 'MiB',
      samples: samples.map(({ rssMiB }) => rssMiB),
      targets: [atMost('max', 60)],
      note:
        `${isPackaged ? 'dist/ha-agent' : 'agent/ha-agent; npm run build:agent was not run'}; ` +
        `of that anonymous ${samples.at(-1)?.anonMiB.toFixed(0)} MiB`,
    }
  } finally {
    await endOf(agent)
    await bed.end()
  }
}

type Start = { dir: string; url: string; secret: string }

function startAgent(program: string, { dir, url, secret }: Start): ChildProcess {
  const log = openSync(join(dir, 'agent.log'), 'a')
  const args = ['run', '--home', join(dir, 'agent'), '--url', url, '--node', 'n1']
  const agent = spawn(program, [...args, '--join-token', secret], {
    stdio: ['ignore', log, log],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  closeSync(log)
  process.once('exit', () => agent.kill('SIGKILL'))
  return agent
}

async function endOf(agent: ChildProcess | null): Promise<void> {
  if (agent === null || agent.exitCode !== null || agent.signalCode !== null) return
  const ended = new Promise((resolve) => agent.once('exit', resolve))
  agent.kill('SIGKILL')
  await ended
}

/** A sample a second, over the second half of the time. */
async function sampled(pid: number, seconds: number) {
  await pause((seconds / 2) * 1000)
  const samples = []
  for (let second = 0; second < seconds / 2; second++) {
    samples.push(memoryOf(pid))
    await pause(1_000)
  }
  return samples
}

type Layout = { clusters: number; nodesEach: number }

async function planeWith(server: Server, layout: Layout, seconds: number): Promise<Measured> {
  const bed = await Bed.make(server, `plane_memory_${layout.clusters}`)
  const client = new Agent({ connections: null, pipelining: 1, headersTimeout: 120_000 })
  const life = { over: false }
  try {
    const nodes: FleetNode[] = []
    for (let index = 0; index < layout.clusters; index++)
      nodes.push(...(await makeFleet(bed.sql, await bed.cluster(`c${index}`), layout.nodesEach)))
    const replica = await bed.replica('replica')
    const atStart = memoryOf(replica.pid)
    for (const node of nodes) {
      void renewOn(node, replica.url, client, life)
      void pollOn(node, replica.url, client, life)
    }
    const isOnline = async () =>
      (await bed.sql`select from node_status where state = 'online'`).length === nodes.length
    await waitFor(isOnline, { what: 'all nodes to be online', timeoutMs: 40_000, everyMs: 250 })
    const samples = await sampled(replica.pid, seconds)
    const { clusters, nodesEach } = layout
    return {
      what: `plane, ${clusters} × ${nodesEach} nodes`,
      unit: 'MiB',
      samples: samples.map(({ rssMiB }) => rssMiB),
      targets: [atMost('max', 256)],
      note:
        `${atStart.rssMiB.toFixed(0)} MiB (anonymous ${atStart.anonMiB.toFixed(0)}) before the first node; ` +
        `anonymous at the end ${samples.at(-1)?.anonMiB.toFixed(0)} MiB`,
    }
  } finally {
    life.over = true
    await client.destroy()
    await bed.end()
  }
}

type Life = { over: boolean }

/** Renews at the default rate, nodes spread evenly over it. */
async function renewOn(node: FleetNode, url: string, client: Agent, life: Life): Promise<void> {
  const { renewMs } = profiles.default
  await pause(Math.random() * renewMs)
  while (!life.over) {
    const sentMs = performance.now()
    await request(`${url}/agent/v1/lease`, {
      dispatcher: client,
      method: 'POST',
      headers: {
        authorization: `Bearer ${node.credential}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(nextRenewal(node, true)),
    }).then(
      ({ body }) => body.dump(),
      () => {},
    )
    await pause(Math.max(0, sentMs + renewMs - performance.now()))
  }
}

async function pollOn(node: FleetNode, url: string, client: Agent, life: Life): Promise<void> {
  let revision = 0
  await pause(Math.random() * 1_000)
  while (!life.over) {
    const query = `planeEpoch=1&revision=${revision}&waitMs=25000`
    const answer = await request(`${url}/agent/v1/desired?${query}`, {
      dispatcher: client,
      headers: { authorization: `Bearer ${node.credential}` },
    }).catch(() => null)
    if (answer?.statusCode === 200) ({ revision } = (await answer.body.json()) as never)
    else await answer?.body.dump().catch(() => {})
    if (answer === null) await pause(100)
  }
}
