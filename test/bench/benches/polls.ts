// 2,000 agents with a parked long poll on one replica: a desired state changes as a round changes it, and the clock runs
// from before that transaction until the agent has the parsed answer.
import type postgres from 'postgres'
import { Agent, request } from 'undici'
import { Desired } from '../../../shared/protocol.ts'
import type { ReplicaProcess } from '../../e2e/replica-process.ts'
import { waitFor } from '../../e2e/wait.ts'
import { Bed } from '../bed/bed.ts'
import { type FleetNode, makeFleet } from '../bed/fleet.ts'
import type { Bench } from '../main.ts'
import { atMost, type Measured } from '../figure.ts'
import { memoryOf } from '../machine.ts'

const count = 2_000

export const pollsBench: Bench = async (server, quick) => {
  const bed = await Bed.make(server, 'polls')
  // Nothing may be answered by its end while it is measured.
  const client = new Agent({ connections: null, pipelining: 1, headersTimeout: 120_000 })
  try {
    // No round may touch what this bench has written.
    const cluster = await bed.cluster('polls')
    await bed.sql`update crm set next_round_at = 'infinity'`
    const nodes = await makeFleet(bed.sql, cluster, count)
    const replica = await bed.replica('replica')
    const before = memoryOf(replica.pid)
    const parkedMs = performance.now()
    const parked = nodes.map((node) => new ParkedAgent(node, replica, client))
    await everybodyParked(bed.sql, parked)
    const tookMs = performance.now() - parkedMs
    const after = memoryOf(replica.pid)
    const one = await wakeOneByOne(bed.sql, parked, quick ? 60 : 500)
    const all = await wakeAll(bed.sql, parked)
    return [
      { what: 'wake one of 2,000', unit: 'ms', samples: one, targets: [atMost('p99', 50)] },
      { what: 'wake all 2,000 at once', unit: 'ms', samples: all },
      {
        what: 'memory of the replica with 2,000 parked',
        unit: 'MiB',
        samples: [after.rssMiB],
        note: `${before.rssMiB.toFixed(0)} MiB before; parking them took ${tookMs.toFixed(0)} ms`,
      },
    ] satisfies Measured[]
  } finally {
    await client.destroy()
    await bed.end()
  }
}

/** Always has a poll parked; says when an answer was there. */
class ParkedAgent {
  readonly node: FleetNode
  readonly #url: string
  readonly #client: Agent
  #revision = 0
  #answered: (() => void) | null = null

  constructor(node: FleetNode, replica: ReplicaProcess, client: Agent) {
    this.node = node
    this.#url = `${replica.url}/agent/v1/desired`
    this.#client = client
    void this.#poll()
  }

  get isServed(): boolean {
    return this.#revision > 0
  }

  /** Resolves when the next answer has been parsed. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve
    })
  }

  async #poll(): Promise<void> {
    for (;;) {
      const query = `planeEpoch=1&revision=${this.#revision}&waitMs=60000`
      const answer = await request(`${this.#url}?${query}`, {
        dispatcher: this.#client,
        headers: { authorization: `Bearer ${this.node.credential}` },
      }).catch(() => null)
      if (answer === null) return
      if (answer.statusCode === 200)
        this.#revision = Desired.parse(await answer.body.json()).revision
      else await answer.body.dump()
      this.#answered?.()
      this.#answered = null
    }
  }
}

/** All have been answered once, and what they asked next has been read and found unchanged. */
async function everybodyParked(sql: postgres.Sql, agents: ParkedAgent[]): Promise<void> {
  await waitFor(() => agents.every((agent) => agent.isServed), {
    what: 'every agent to have its first answer',
    timeoutMs: 60_000,
  })
  await quiet(sql)
}

/** No statement for some time: nobody is on the way to being parked. */
async function quiet(sql: postgres.Sql): Promise<void> {
  const reads = async () => {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::int as n from pg_stat_activity
      where application_name = 'holdfast-general' and datname = current_database()
        and (state <> 'idle' or state_change > clock_timestamp() - interval '200 ms')`
    return row?.n === 0
  }
  await waitFor(reads, { what: 'polls to be parked', timeoutMs: 30_000 })
}

async function wakeOneByOne(sql: postgres.Sql, agents: ParkedAgent[], runs: number) {
  const samples: number[] = []
  for (let run = 0; run < runs; run++) {
    const agent = agents[(run * 7919) % agents.length] as ParkedAgent
    const answered = agent.next()
    const startedMs = performance.now()
    await change(sql, [agent.node.uid])
    await answered
    samples.push(performance.now() - startedMs)
  }
  return samples
}

async function wakeAll(sql: postgres.Sql, agents: ParkedAgent[]): Promise<number[]> {
  await quiet(sql)
  const startedMs = performance.now()
  const samples = agents.map(async (agent) => {
    await agent.next()
    return performance.now() - startedMs
  })
  await change(
    sql,
    agents.map(({ node }) => node.uid),
  )
  return Promise.all(samples)
}

/** NOTIFY payloads end at 8,000 bytes; a round sends as many. */
const uidsPerNotice = 200

async function change(sql: postgres.Sql, uids: string[]): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`update desired set revision = revision + 1 where node_uid = any(${uids}::uuid[])`
    for (let first = 0; first < uids.length; first += uidsPerNotice)
      await tx`
        select pg_notify('holdfast_desired', ${uids.slice(first, first + uidsPerNotice).join(',')})`
  })
}
