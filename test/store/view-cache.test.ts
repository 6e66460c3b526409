// What a replica remembers between rounds is never wrong: read on from what is known, a view is the same as read anew,
// whoever wrote what in between; and the documents that a round leaves alone are those it would have made.
import { beforeAll, describe, expect, test } from 'vitest'
import { takeCensus } from '../../control-plane/cluster/census.ts'
import { desiredForAll } from '../../control-plane/cluster/orders.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { runRound } from '../../control-plane/crm/round.ts'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import { type LoadedView, load } from '../../control-plane/store/load-view.ts'
import type { RawView } from '../../control-plane/store/view/raw-view.ts'
import {
  type KnownView,
  ViewCache,
  completed,
  fits,
} from '../../control-plane/store/view/view-cache.ts'
import { systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'
import { postgresRoundStore, type RoundStore } from '../../control-plane/store/round-store.ts'
import { testDatabase } from '../database.ts'
import {
  makeCluster,
  makeNode,
  makeRenewals,
  request,
  type TestCluster,
  type TestNode,
} from '../lease/fleet.ts'
import { counts } from '../decide/census-counts.ts'

const database = testDatabase()
const witness = new ClockWitness()
const clock = systemClock()
let cluster: TestCluster
const nodes: TestNode[] = []
const seqs = new Map<string, number>()

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'remembered')
  for (const name of ['n1', 'n2', 'n3']) nodes.push(await makeNode(database.sql, cluster, name))
})

class Replica {
  readonly cache = new ViewCache()
  readonly store: RoundStore
  readonly name: string
  constructor(name: string) {
    this.name = name
    this.store = postgresRoundStore(database.sql, null, this.cache)
  }

  async load(): Promise<LoadedView> {
    const loaded = await load(database.sql, cluster.id, { witness, cache: this.cache })
    return loaded as LoadedView
  }

  async view(): Promise<ClusterView> {
    return (await this.load()).view
  }

  async round(): Promise<void> {
    const [crm] = await database.sql<{ round: number }[]>`
      select round::float8 as round from crm where cluster_id = ${cluster.id}`
    const deps = { store: this.store, witness, clock, random: systemRandom() }
    await runRound({ ...deps, replica: this.name }, cluster.id, crm?.round as number)
  }
}

/** Without what time alone changes. */
function timeless(view: ClusterView): unknown {
  const nodes = Object.values(view.nodes).map(({ lease, ...node }) => ({
    ...node,
    lease: { ...lease, judgedUntilMs: 0 },
    revocations: node.revocations.map((one) => ({ ...one, judgedUntilMs: 0 })),
    usage: node.usage ?? null,
  }))
  // The order of keys decides nothing.
  const sids = Object.keys(view.services).sort()
  const services = sids.map((sid) => ({
    ...view.services[sid],
    usage: view.services[sid]?.usage ?? null,
  }))
  return { ...view, nowMs: 0, nodes, services }
}

async function anew(): Promise<ClusterView> {
  return ((await load(database.sql, cluster.id, { witness })) as LoadedView).view
}

async function expectSame(replica: Replica): Promise<void> {
  const loaded = await replica.load()
  expect(timeless(loaded.view)).toEqual(timeless(await anew()))
  expect(counts(loaded.census!)).toEqual(counts(takeCensus(loaded.view)))
}

const renewals = () => makeRenewals(database.url)

async function renew(node: TestNode, lane: ReturnType<typeof renewals>, round: number) {
  const seq = (seqs.get(node.uid) ?? 0) + 1
  seqs.set(node.uid, seq)
  const view = await anew()
  const held = Object.values(view.services).filter((one) =>
    one.grant?.holders.some((holder) => holder.node === node.name),
  )
  const grants = held.map(({ sid, grant }) => ({ sid, generation: grant?.generation ?? 0 }))
  const running = grants.map((one) => ({ ...one, state: 'running' as const, stable: true }))
  const results = held.flatMap(({ sid, status }) =>
    status ? [{ uid: status.uid, sid, outcome: 'ok' as const }] : [],
  )
  await lane.renew({
    clusterId: cluster.id,
    request: request(cluster, node, seq, {
      ...{ armed: true, confirms: grants, revision: round },
      ...{ running: seq % 4 === 0 ? [] : running, results: seq % 3 === 0 ? [] : results },
    }),
  })
}

/** Small numbers from a seed: the same history each time. */
function dice(seed: number) {
  let state = seed
  return (sides: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % sides
  }
}

async function write(roll: (sides: number) => number): Promise<void> {
  const sid = `process:s${roll(6)}`
  const { id } = cluster
  const { sql } = database
  switch (roll(10)) {
    case 0:
    case 1:
      await sql`
        insert into service (cluster_id, sid, requested, spec) values (${id}, ${sid}, 'started',
          '{"command": ["true"]}') on conflict do nothing`
      return
    case 2:
      await sql`update service set requested = 'stopped', version = version + 1
        where cluster_id = ${id} and sid = ${sid}`
      return
    case 3:
      await sql`update service set requested = 'started' where cluster_id = ${id} and sid = ${sid}`
      return
    case 4:
      await sql`delete from service where cluster_id = ${id} and sid = ${sid}`
      return
    case 5:
      await sql`update node set maintenance_requested = not maintenance_requested
        where cluster_id = ${id} and name = 'n3'`
      return
    case 6:
      await sql`
        insert into rule (cluster_id, id, position, type, resources, affinity)
        values (${id}, ${`apart-${roll(2)}`}, 1, 'resource-affinity',
          ${JSON.stringify([sid, 'process:s0'])}::text::jsonb, 'negative')
        on conflict (cluster_id, id) do update set resources = excluded.resources`
      return
    case 7:
      await sql`delete from rule where cluster_id = ${id} and id = ${`apart-${roll(2)}`}`
      return
    case 8:
      await sql`
        insert into node_group (cluster_id, name, nodes) values (${id}, 'g', '{"n1": 1}')
        on conflict (cluster_id, name) do update set restricted = not node_group.restricted`
      return
    default:
      await sql`
        insert into node_usage (node_uid, cluster_id, at, usage)
        values (${nodes[roll(3)]!.uid}, ${id}, clock_timestamp(),
          ${`{"node": {"cpus": ${roll(9)}, "memoryBytes": 5}, "services": {"${sid}": {"cpus": 1, "memoryBytes": 7}}}`}::text::jsonb)
        on conflict (node_uid) do update set usage = excluded.usage, at = excluded.at`
  }
}

describe('a view that is read on', () => {
  test('is the view read anew, after any history of two replicas, operators and agents', async () => {
    const replicas = [new Replica('a'), new Replica('b')]
    const lane = renewals()
    const roll = dice(7)
    try {
      for (let step = 0; step < 160; step++) {
        const replica = replicas[roll(2)]!
        const what = roll(5)
        if (what < 2) await write(roll)
        else if (what === 2) await renew(nodes[roll(3)]!, lane, 1_000_000)
        else await replica.round()
        if (roll(3) === 0) await expectSame(replica)
      }
      for (const replica of replicas) await expectSame(replica)
    } finally {
      await lane.close()
    }
    const [log] = await database.sql`
      select count(distinct kind)::int as kinds from change_log where cluster_id = ${cluster.id}`
    // A history in which nothing happened would prove nothing.
    expect(log?.kinds).toBeGreaterThan(5)
  })

  test('shows what a transaction wrote that was older and committed later than the last look', async () => {
    const replica = new Replica('late')
    const { promise: written, resolve: onWritten } = Promise.withResolvers<void>()
    const { promise: release, resolve: commit } = Promise.withResolvers<void>()
    const slow = database.sql.begin(async (tx) => {
      await tx`insert into service (cluster_id, sid, requested, spec)
        values (${cluster.id}, 'process:slow', 'stopped', '{"command": ["true"]}')`
      onWritten()
      await release
    })
    await written
    await replica.view()
    // Later, and committed before: a reader that remembers the highest number it has seen would miss the slow one.
    await database.sql`insert into service (cluster_id, sid, requested, spec)
      values (${cluster.id}, 'process:quick', 'stopped', '{"command": ["true"]}')`
    const between = await replica.view()
    expect(between.services['process:quick']).toBeDefined()
    expect(between.services['process:slow']).toBeUndefined()
    commit()
    await slow
    expect((await replica.view()).services['process:slow']).toBeDefined()
    await expectSame(replica)
  })

  test('is given up for a new one when the roster is another: rows name nodes by uid', async () => {
    const replica = new Replica('roster')
    await replica.view()
    nodes.push(await makeNode(database.sql, cluster, 'n0'))
    await expectSame(replica)
    await database.sql`update node set removed_at = clock_timestamp()
      where cluster_id = ${cluster.id} and name = 'n0'`
    await expectSame(replica)
  })

  test('is given up for a new one on another server, timeline, start or history of the database', async () => {
    const row = (await rawRow())[0] as RawView
    const known = completed(null, row, row.head?.nowMs ?? 0)
    expect(fits(known, row)).toBe(true)
    const others: Partial<KnownView>[] = [
      { identity: `${known.identity}0` },
      // Restored in place, or recovered from a crash that lost what was not yet on disk.
      { planeEpoch: `${known.planeEpoch}0` },
      { horizon: `${BigInt(known.horizon) + 1n}` },
      { round: known.round + 1 },
    ]
    for (const other of others) expect(fits({ ...known, ...other }, row)).toBe(false)
  })

  test('is not changed in place by the next one', async () => {
    const replica = new Replica('frozen')
    const before = await replica.view()
    const text = JSON.stringify(before)
    await database.sql`update service set comment = 'touched' where cluster_id = ${cluster.id}`
    await replica.view()
    expect(JSON.stringify(before)).toBe(text)
  })
})

async function rawRow() {
  const { viewStatement } = await import('../../control-plane/store/view-statement.ts')
  return await database.sql.unsafe<RawView[]>(viewStatement(false), [cluster.id])
}

describe('desired documents that a round leaves alone', () => {
  test('are those that it would have made', async () => {
    const replica = new Replica('documents')
    const lane = renewals()
    const roll = dice(11)
    let written = 0
    try {
      for (let step = 0; step < 60; step++) {
        await write(roll)
        if (roll(2) === 0) await renew(nodes[roll(3)]!, lane, 1_000_000)
        await replica.round()
        const view = await anew()
        const stored = await database.sql<{ name: string; document: object }[]>`
          select n.name, d.document from desired d join node n on n.uid = d.node_uid
          where d.cluster_id = ${cluster.id} and n.removed_at is null`
        const documents = desiredForAll(view)
        for (const { name, document } of stored) {
          const { planeEpoch: _, ...made } = documents[name]!
          expect(document, `${name} after step ${step}`).toEqual(JSON.parse(JSON.stringify(made)))
        }
        written += stored.length
      }
    } finally {
      await lane.close()
    }
    expect(written).toBeGreaterThan(100)
  })
})
