// The decision journal on real Postgres: every round that changed something is there and replays to the same plan, small
// clusters and large ones; too much at once is dropped and counted; what is old goes, and nothing that others need.
import { pino } from 'pino'
import { Counter, Registry } from 'prom-client'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { replay } from '../../control-plane/crm/replay.ts'
import { runRound } from '../../control-plane/crm/round.ts'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import {
  type JournaledRound,
  RoundJournal,
} from '../../control-plane/store/journal/round-journal.ts'
import {
  countMissing,
  keep,
  listRounds,
  loadRound,
  pruneJournal,
} from '../../control-plane/store/journal/stored-rounds.ts'
import { postgresRoundStore } from '../../control-plane/store/round-store.ts'
import { ViewCache } from '../../control-plane/store/view/view-cache.ts'
import { systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'
import { fillCluster, loseNode, renewAll } from '../bench/bed/full-cluster.ts'
import { testDatabase } from '../database.ts'
import { aNode, aService, buildView, silentNode } from '../decide/build-view.ts'
import { makeCluster, makeNode, type TestCluster } from '../lease/fleet.ts'

const database = testDatabase()
const witness = new ClockWitness()
const clock = systemClock()

const kept = new Counter({
  name: 'kept',
  help: 'kept',
  labelNames: ['result'],
  registers: [new Registry()],
})
const log = pino({ level: 'silent' })
const results = async () =>
  Object.fromEntries((await kept.get()).values.map(({ labels, value }) => [labels.result, value]))

beforeEach(() => kept.reset())

// As a replica that has watched the database's clock for ten minutes: only then can it judge a deadline.
beforeAll(async () => {
  const [row] = await database.sql<{ now: number }[]>`select epoch_ms(clock_timestamp()) as now`
  const bootMs = clock.bootMs()
  for (let agoMs = 600_000; agoMs >= 0; agoMs -= 1_000)
    witness.observe({ databaseMs: row!.now - agoMs, bootMs: bootMs - agoMs }, 1)
})

/** Runs rounds with a journal, and remembers what it was given. */
class Replica {
  readonly journal = new RoundJournal({ sql: database.sql, log, kept })
  readonly given: JournaledRound[] = []
  readonly #cluster: number
  readonly #store = postgresRoundStore(database.sql, null, new ViewCache(), {
    record: (tx, round) => {
      if (round.plan.changes.length > 0) this.given.push(round)
      return this.journal.record(tx, round)
    },
  })

  constructor(clusterId: number) {
    this.#cluster = clusterId
  }

  async round(): Promise<string[]> {
    const seen = await this.#store.lastRound(this.#cluster)
    const deps = { store: this.#store, witness, clock, random: systemRandom(), replica: 'one' }
    const result = await runRound(deps, this.#cluster, seen)
    if (result.kind !== 'done') throw new Error(JSON.stringify(result))
    return result.changes
  }

  /** All of them are there as they were, and lead to the plan they led to. */
  async expectAllStored(): Promise<void> {
    await this.journal.idle()
    for (const { view, plan } of this.given) {
      const stored = await loadRound(database.sql, this.#cluster, view.round)
      expect(stored).toEqual(JSON.parse(JSON.stringify({ view, plan })))
      expect(replay(stored!.view, stored!.plan).difference).toEqual([])
    }
    const rows = await listRounds(database.sql, this.#cluster, null, 1_000)
    expect(rows.map(({ round }) => round)).toEqual(
      this.given.map(({ view }) => view.round).reverse(),
    )
    expect(rows.map(({ changes }) => changes)).toEqual(
      this.given.map(({ plan }) => plan.changes.length).reverse(),
    )
  }
}

describe('a small cluster', () => {
  let cluster: TestCluster
  let replica: Replica
  beforeAll(async () => {
    cluster = await makeCluster(database.sql, 'small')
    for (const name of ['n1', 'n2', 'n3']) await makeNode(database.sql, cluster, name)
    replica = new Replica(cluster.id)
  })

  test('keeps every round of a busy history, each replays to the same plan, and quiet rounds leave nothing', async () => {
    const { sql } = database
    const { id } = cluster
    const renew = () => sql`
      update lease set renewed_at = clock_timestamp(), reported_at = clock_timestamp(), armed = true,
        guarded = true, lease_until = clock_timestamp() + interval '61 s' where cluster_id = ${id}`
    const wish = (sid: string, requested: string) => sql`
      insert into service (cluster_id, sid, requested, spec)
      values (${id}, ${sid}, ${requested}, '{"command": ["true"]}')
      on conflict (cluster_id, sid) do update set requested = excluded.requested`
    const steps = [
      renew,
      () => wish('process:a', 'started'),
      () => wish('process:b', 'stopped'),
      () => wish('process:b', 'started'),
      () => wish('process:a', 'disabled'),
      () =>
        sql`update node set maintenance_requested = true where cluster_id = ${id} and name = 'n2'`,
      () => wish('process:a', 'started'),
      () => sql`update lease set renewed_at = clock_timestamp() - interval '20 s'
        where cluster_id = ${id} and node_uid = (select uid from node where cluster_id = ${id} and name = 'n1')`,
      () => sql`delete from service where cluster_id = ${id} and sid = 'process:b'`,
    ]
    for (const step of steps) {
      await step()
      await replica.round()
      await replica.round()
    }
    expect(replica.given.length).toBeGreaterThan(6)
    await replica.expectAllStored()
    expect(await results()).toEqual({ 'with the round': replica.given.length })
    expect(await countMissing(sql, id, 0, 1_000)).toBe(0)
  })

  test('counts what changed something and is not there', async () => {
    const [row] = await listRounds(database.sql, cluster.id, null, 1)
    await database.sql`delete from round_journal where cluster_id = ${cluster.id} and round = ${row!.round}`
    expect(await countMissing(database.sql, cluster.id, 0, 1_000_000)).toBe(1)
    expect(await loadRound(database.sql, cluster.id, row!.round)).toBeNull()
  })
})

describe('a large cluster', () => {
  let cluster: TestCluster
  let replica: Replica
  beforeAll(async () => {
    cluster = await makeCluster(database.sql, 'large')
    await fillCluster(database.sql, cluster, 5, 400)
    replica = new Replica(cluster.id)
  })

  const disable = async (sid: string) => {
    await renewAll(database.sql, cluster.id)
    await database.sql`
      update service set requested = 'disabled' where cluster_id = ${cluster.id} and sid = ${sid}`
    expect(await replica.round()).toContain('service.state')
    await replica.journal.idle()
  }
  const rows = () => database.sql<{ base: number | null; bytes: number }[]>`
    select base_round::int as base, octet_length(view) as bytes from round_journal
    where cluster_id = ${cluster.id} order by round`

  test('is stored whole once, then as what differs, and every round of it comes back whole', async () => {
    for (let at = 1; at <= 4; at++) await disable(`process:s${at}`)
    await renewAll(database.sql, cluster.id, ['n3'])
    await loseNode(database.sql, 3)
    expect(await replica.round()).toContain('lease.revoked')
    await replica.expectAllStored()
    const [whole, ...different] = await rows()
    const first = replica.given[0]!.view.round
    expect(whole!.base).toBeNull()
    expect(different.map(({ base }) => base)).toEqual([first, first, first, first])
    for (const { bytes } of different) expect(bytes * 3).toBeLessThan(whole!.bytes)
    expect(await results()).toEqual({ 'with the round': 4, later: 1 })
  })

  test('is stored whole again where its base went away', async () => {
    await database.sql`delete from round_journal where cluster_id = ${cluster.id}`
    replica.given.length = 0
    await disable('process:s6')
    await disable('process:s7')
    await replica.expectAllStored()
    const first = replica.given[0]!.view.round
    expect((await rows()).map(({ base }) => base)).toEqual([null, first])
  })
})

describe('under pressure', () => {
  test('a round does not wait: what is too much is dropped and counted, and the rest is stored', async () => {
    const { id } = await makeCluster(database.sql, 'pressed')
    const journal = new RoundJournal({ sql: database.sql, log, kept })
    const services = Array.from({ length: 300 }, (_, at) => aService(`process:s${at}`, 'n2'))
    const view = buildView({ nodes: [aNode('n1'), silentNode('n2')], services })
    const plan = decide(view)
    const { promise: held, resolve: onHeld } = Promise.withResolvers<void>()
    const { promise: release, resolve: free } = Promise.withResolvers<void>()
    const lock = database.sql.begin(async (tx) => {
      await tx`lock table round_journal in exclusive mode`
      onHeld()
      await release
    })
    await held
    const offers = await database.sql.begin((tx) =>
      Promise.all(
        Array.from({ length: 7 }, (_, at) =>
          journal.record(tx, {
            view: { ...view, cluster: { ...view.cluster, id }, round: at },
            plan,
          }),
        ),
      ),
    )
    for (const offer of offers) offer?.()
    expect(await results()).toEqual({ dropped: 3 })
    free()
    await lock
    await journal.idle()
    expect(await results()).toEqual({ dropped: 3, later: 4 })
    expect((await listRounds(database.sql, id, null, 10)).map(({ round }) => round)).toEqual([
      3, 2, 1, 0,
    ])
  })

  test('a record that cannot be written costs only itself', async () => {
    const journal = new RoundJournal({ sql: database.sql, log, kept })
    const services = Array.from({ length: 300 }, (_, at) => aService(`process:s${at}`, 'n2'))
    const view = buildView({ nodes: [silentNode('n2'), aNode('n1')], services })
    // No such cluster: the foreign key refuses the row.
    const nowhere = { ...view, cluster: { ...view.cluster, id: 999_999 } }
    const offer = await database.sql.begin((tx) =>
      journal.record(tx, { view: nowhere, plan: decide(view) }),
    )
    offer?.()
    await journal.idle()
    expect(await results()).toEqual({ failed: 1 })
  })
})

describe('pruning', () => {
  const insert = (
    id: number,
    round: number,
    days: number,
    bytes = 10,
    base: number | null = null,
  ) =>
    database.sql`
      insert into round_journal (cluster_id, round, at, view, plan, base_round)
      values (${id}, ${round}, clock_timestamp() - make_interval(days => ${days}),
        ${Buffer.alloc(bytes)}, '', ${base})`
  const left = async (id: number) =>
    (await listRounds(database.sql, id, null, 10_000)).map(({ round }) => round).reverse()

  test('drops what is too old, but never the newest round', async () => {
    const { id } = await makeCluster(database.sql, 'aged')
    for (const [round, days] of [
      [1, keep.days + 3],
      [2, keep.days + 2],
      [3, keep.days - 1],
    ] as const)
      await insert(id, round, days)
    const other = await makeCluster(database.sql, 'quiet')
    await insert(other.id, 1, keep.days * 9)
    await pruneJournal(database.sql)
    expect([await left(id), await left(other.id)]).toEqual([[3], [1]])
  })

  test('keeps what others that stay are completed from', async () => {
    const { id } = await makeCluster(database.sql, 'based')
    await insert(id, 1, keep.days + 5)
    await insert(id, 2, keep.days + 4)
    await insert(id, 3, keep.days + 3, 10, 1)
    await insert(id, 4, 1, 10, 2)
    await pruneJournal(database.sql)
    expect(await left(id)).toEqual([2, 4])
  })

  test('keeps no more than so many rounds and bytes of one cluster', async () => {
    const { id } = await makeCluster(database.sql, 'many')
    await database.sql`
      insert into round_journal (cluster_id, round, at, view, plan)
      select ${id}, n, clock_timestamp(), '', '' from generate_series(1, ${keep.rounds + 5}) n`
    await pruneJournal(database.sql)
    expect(await left(id)).toHaveLength(keep.rounds)
    const large = await makeCluster(database.sql, 'much')
    for (const round of [1, 2, 3]) await insert(large.id, round, 0, 1_000)
    await pruneJournal(database.sql, { ...keep, bytes: 2_500 })
    expect(await left(large.id)).toEqual([2, 3])
  })
})
