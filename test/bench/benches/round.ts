// A whole round of the CRM, in process, with a real Postgres: lock, load, decide, save, jobs, commit. Steady: every node
// renewed since the round before, and one of them reported something new. One lost: its grants are closed on evidence
// and its services get new ones, all in that round.
import { PgBoss } from 'pg-boss'
import postgres from 'postgres'
import { type RoundDeps, runRound } from '../../../control-plane/crm/round.ts'
import { ClockWitness } from '../../../control-plane/lease/clock-witness.ts'
import pino from 'pino'
import { RoundJournal } from '../../../control-plane/store/journal/round-journal.ts'
import { ViewCache } from '../../../control-plane/store/view/view-cache.ts'
import { postgresRoundStore } from '../../../control-plane/store/round-store.ts'
import { systemClock } from '../../../shared/clock.ts'
import { systemRandom } from '../../../shared/random.ts'
import { Bed } from '../bed/bed.ts'
import { fillCluster, loseNode, renewAll, reportAnew } from '../bed/full-cluster.ts'
import { atMost, type Measured } from '../figure.ts'
import type { Bench } from '../main.ts'

const nodes = 100
const services = 10_000

export const roundBench: Bench = async (server, quick) => {
  const bed = await Bed.make(server, 'round')
  const boss = new PgBoss({ connectionString: bed.url, max: 2, migrate: false, supervise: false })
  boss.on('error', () => {})
  const sql = postgres(bed.url, { max: 1, onnotice: () => {} })
  try {
    await boss.start()
    const cluster = await bed.cluster('round')
    await fillCluster(bed.sql, cluster, nodes, services)
    const trial = new Trial(bed, cluster.id, await depsOf(sql, boss))
    const steady = await trial.steady(quick ? 10 : 40)
    const lost = await trial.lost(quick ? 3 : 10)
    return [
      { what: 'first round of a replica', unit: 'ms', samples: [trial.firstMs] },
      {
        what: `${nodes} nodes, ${services} services: steady`,
        unit: 'ms',
        samples: steady,
        targets: [atMost('p50', 150)],
      },
      {
        what: `${nodes} nodes, ${services} services: one lost`,
        unit: 'ms',
        samples: lost,
        targets: [atMost('p50', 500)],
        note: `${services / nodes} and more services start elsewhere in each round`,
      },
    ] satisfies Measured[]
  } finally {
    await boss.stop({ graceful: false, close: true })
    await sql.end({ timeout: 1 })
    await bed.end()
  }
}

async function depsOf(sql: postgres.Sql, boss: PgBoss): Promise<RoundDeps> {
  const clock = systemClock()
  const witness = new ClockWitness()
  const [row] = await sql<{ now: number }[]>`select epoch_ms(clock_timestamp()) as now`
  const bootMs = clock.bootMs()
  // As a replica that has watched the database's clock for ten minutes.
  for (let ago = 600_000; ago >= 0; ago -= 1_000)
    witness.observe({ databaseMs: row!.now - ago, bootMs: bootMs - ago }, 1)
  const journal = new RoundJournal({ sql, log: pino({ level: 'silent' }) })
  const store = postgresRoundStore(sql, boss, new ViewCache(), journal)
  return { store, witness, clock, random: systemRandom(), replica: 'bench' }
}

class Trial {
  readonly #bed: Bed
  readonly #clusterId: number
  readonly #deps: RoundDeps
  #seen = 0
  #runs = 0
  firstMs = 0

  constructor(bed: Bed, clusterId: number, deps: RoundDeps) {
    this.#bed = bed
    this.#clusterId = clusterId
    this.#deps = deps
  }

  async steady(runs: number): Promise<number[]> {
    this.firstMs = await this.#round(null)
    for (let warm = 0; warm < 5; warm++) await this.#news([])
    const samples: number[] = []
    while (samples.length < runs) samples.push(await this.#news([]))
    return samples
  }

  /** Each run loses another node, for good. */
  async lost(runs: number): Promise<number[]> {
    const samples: number[] = []
    const silent: string[] = []
    for (let index = 1; index <= runs; index++) {
      silent.push(`n${index}`)
      await renewAll(this.#bed.sql, this.#clusterId, silent)
      await loseNode(this.#bed.sql, index)
      samples.push(await this.#round('grant.opened'))
      // What the new nodes would report is not played: their grants wait for a first confirm.
      await this.#news(silent)
    }
    return samples
  }

  async #news(silent: string[]): Promise<number> {
    await renewAll(this.#bed.sql, this.#clusterId, silent)
    await reportAnew(this.#bed.sql, 100 - (this.#runs % 20), `old.${this.#runs++}`)
    return this.#round(null)
  }

  async #round(expected: string | null): Promise<number> {
    const startedMs = performance.now()
    const result = await runRound(this.#deps, this.#clusterId, this.#seen)
    const tookMs = performance.now() - startedMs
    if (result.kind !== 'done') throw new Error(`round: ${JSON.stringify(result)}`)
    if (expected !== null && !result.changes.includes(expected))
      throw new Error(
        `no ${expected} in a round that should bring it: ${result.changes.join(', ')}`,
      )
    this.#seen = result.round
    return tookMs
  }
}
