// How many lease renewals one replica can take, every one a durable commit.
// Over HTTP: a replica bound to one processor, everything else on the others, agents that renew again as soon as they are
// answered. And the group commit by itself, against the same statement for one renewal at a time, turn by turn.
import { Agent, request } from 'undici'
import pino from 'pino'
import { ClockWitness } from '../../../control-plane/lease/clock-witness.ts'
import { renewalStatement } from '../../../control-plane/lease/renewal-statement.ts'
import { postgresLane } from '../../../control-plane/lease/lease-lane.ts'
import { Renewals } from '../../../control-plane/lease/renewals.ts'
import { client } from '../../../control-plane/store/client.ts'
import { systemClock, systemTimers } from '../../../shared/clock.ts'
import type { ReplicaProcess } from '../../e2e/replica-process.ts'
import { Bed } from '../bed/bed.ts'
import { type FleetNode, makeFleet, nextRenewal } from '../bed/fleet.ts'
import { family, pin, unpin } from '../bed/processor.ts'
import type { Bench } from '../main.ts'
import { atLeast, type Measured, median } from '../figure.ts'
import { cpuSeconds } from '../machine.ts'

const agents = 200

export const renewalsBench: Bench = async (server, quick) => {
  const bed = await Bed.make(server, 'renewals')
  const plan = { windows: quick ? 3 : 5, windowMs: quick ? 1_000 : 1_600 }
  try {
    const cluster = await bed.cluster('renewals')
    const nodes = await makeFleet(bed.sql, cluster, agents)
    const replica = await bed.replica('replica')
    const http = await overHttp(bed, replica, nodes, plan)
    await replica.end('SIGTERM', 5_000)
    return [...http, ...(await groupAgainstOne(bed, nodes, plan))]
  } finally {
    await bed.end()
  }
}

type WindowPlan = { windows: number; windowMs: number }
type Renew = (node: FleetNode) => Promise<void>
type Counted = { perSecond: number; latencies: number[] }

/** Every node renews again as soon as it is answered. */
async function closedLoop(nodes: FleetNode[], renew: Renew, windowMs: number): Promise<Counted> {
  const latencies: number[] = []
  const startedMs = performance.now()
  const endMs = startedMs + windowMs
  const run = async (node: FleetNode) => {
    for (let sentMs = performance.now(); sentMs < endMs; ) {
      await renew(node)
      const answeredMs = performance.now()
      latencies.push(answeredMs - sentMs)
      sentMs = answeredMs
    }
  }
  await Promise.all(nodes.map(run))
  return { perSecond: (latencies.length / (performance.now() - startedMs)) * 1000, latencies }
}

async function overHttp(
  bed: Bed,
  replica: ReplicaProcess,
  nodes: FleetNode[],
  plan: WindowPlan,
): Promise<Measured[]> {
  const pool = new Agent({ connections: agents, pipelining: 1 })
  const url = `${replica.url}/agent/v1/lease`
  const renew: Renew = async (node) => {
    const { statusCode, body } = await request(url, {
      dispatcher: pool,
      method: 'POST',
      headers: {
        authorization: `Bearer ${node.credential}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(nextRenewal(node, true)),
    })
    const answer = await body.text()
    if (statusCode !== 200) throw new Error(`a renewal was refused: ${answer}`)
  }
  // Until the replica's code is compiled: by count, because a busy machine gets there later.
  for (let warm = 0; warm < 6_000; ) warm += (await closedLoop(nodes, renew, 500)).latencies.length
  const free = await windows(nodes, renew, plan, replica.pid)
  const isPinned = pinApart(bed, replica.pid)
  const pinned = await windows(nodes, renew, plan, replica.pid)
  unpinAll(bed)
  await pool.destroy()
  const where = isPinned ? 'replica on one processor, the rest on the other' : 'cannot be pinned'
  return [
    {
      what: 'over HTTP, replica bound to one processor',
      unit: '/s',
      samples: pinned.rates,
      targets: [atLeast('p50', 3_000)],
      note: `${agents} agents in a closed loop; ${where}; ${pinned.shares}`,
    },
    { what: 'over HTTP, bound: latency', unit: 'ms', samples: pinned.latencies },
    { what: 'over HTTP, nothing bound', unit: '/s', samples: free.rates, note: free.shares },
    {
      what: 'for each second of processor time of the replica',
      unit: '/s',
      samples: [...free.perCpuSecond, ...pinned.perCpuSecond],
      note: 'what one processor would allow if the replica had it whole',
    },
  ]
}

/** Some windows, and what share of a processor the replica and this process had meanwhile. */
async function windows(nodes: FleetNode[], renew: Renew, plan: WindowPlan, pid: number) {
  const counted: Counted[] = []
  const perCpuSecond: number[] = []
  const before = { replica: cpuSeconds(pid), load: process.cpuUsage(), atMs: performance.now() }
  for (let window = 0; window < plan.windows; window++) {
    const usedBefore = cpuSeconds(pid)
    const one = await closedLoop(nodes, renew, plan.windowMs)
    counted.push(one)
    perCpuSecond.push(one.latencies.length / (cpuSeconds(pid) - usedBefore))
  }
  const seconds = (performance.now() - before.atMs) / 1000
  const load = process.cpuUsage(before.load)
  const shares = [
    (cpuSeconds(pid) - before.replica) / seconds,
    (load.user + load.system) / 1e6 / seconds,
  ]
  return {
    rates: counted.map(({ perSecond }) => perSecond),
    latencies: counted.flatMap(({ latencies }) => latencies),
    perCpuSecond,
    shares: `the replica had ${percent(shares[0])} of a processor, the load generator ${percent(shares[1])}`,
  }
}

async function groupAgainstOne(
  bed: Bed,
  nodes: FleetNode[],
  plan: WindowPlan,
): Promise<Measured[]> {
  const group = groupCommit(bed.url)
  const one = oneEach(bed.url)
  const counted: { group: Counted[]; one: Counted[] } = { group: [], one: [] }
  await closedLoop(nodes, group.renew, 500)
  await closedLoop(nodes, one.renew, 500)
  // In turn, so that a machine that gets slower or faster meanwhile does so for both.
  for (let window = 0; window < plan.windows; window++) {
    counted.group.push(await closedLoop(nodes, group.renew, plan.windowMs / 2))
    counted.one.push(await closedLoop(nodes, one.renew, plan.windowMs / 2))
  }
  await group.close()
  await one.close()
  const rates = (of: Counted[]) => of.map(({ perSecond }) => perSecond)
  const ratio = median(rates(counted.group).map((rate, i) => rate / (rates(counted.one)[i] ?? 1)))
  return [
    {
      what: 'without HTTP: group commit',
      unit: '/s',
      samples: rates(counted.group),
      note: `${ratio.toFixed(1)} times one UPDATE each, median of the pairs`,
    },
    {
      what: 'without HTTP: group commit, latency',
      unit: 'ms',
      samples: counted.group.flatMap(({ latencies }) => latencies),
    },
    { what: 'without HTTP: one UPDATE each', unit: '/s', samples: rates(counted.one) },
    {
      what: 'without HTTP: one UPDATE each, latency',
      unit: 'ms',
      samples: counted.one.flatMap(({ latencies }) => latencies),
    },
  ]
}

type Variant = { renew: Renew; close(): Promise<void> }

function groupCommit(url: string): Variant {
  const renewals = new Renewals({
    openLane: () => postgresLane(url),
    clock: systemClock(),
    timers: systemTimers,
    witness: new ClockWitness(),
    log: pino({ level: 'silent' }),
    ring: () => {},
    deadlineMs: 5_000,
  })
  return {
    renew: async (node) => {
      const request = nextRenewal(node, true)
      const answer = await renewals.renew({ clusterId: node.cluster.id, request })
      if (!answer.granted) throw new Error(`a renewal was refused: ${answer.refusal.code}`)
    },
    close: () => renewals.close(),
  }
}

/** The same statement and row, one renewal in each, on ten connections. */
function oneEach(url: string): Variant {
  const sql = client(url, { max: 10, name: 'one-each' })
  return {
    renew: async (node) => {
      const {
        running: _running,
        closed: _closed,
        results: _results,
        ...request
      } = nextRenewal(node, true)
      const row = {
        ...request,
        clusterId: node.cluster.id,
        planeNumber: request.planeEpoch.number,
        planeUuid: request.planeEpoch.uuid,
        hasConfirms: false,
        digest: 'bench',
        report: null,
      }
      const renewed = await sql.unsafe(renewalStatement(true), [JSON.stringify([row])], {
        prepare: true,
      })
      if (renewed.length !== 1) throw new Error('a renewal was refused')
    },
    close: () => sql.end({ timeout: 2 }),
  }
}

/** The replica alone on the first processor; Postgres and this process on the second. */
function pinApart(bed: Bed, replica: number): boolean {
  // Of Postgres' children some come and go: those that are gone need no place.
  for (const pid of family(bed.server.postgres.pid)) pin(pid, 1)
  return pin(replica, 0) && pin(process.pid, 1)
}

function unpinAll(bed: Bed): void {
  for (const pid of [process.pid, ...family(bed.server.postgres.pid)]) unpin(pid)
}

const percent = (share = 0) => `${Math.round(share * 100)} %`
