// The replica that is the CRM is killed or hangs: how long until another one has run a round of that cluster?
// A kill between rounds counts from a moment at which a round is due and nobody rings; one inside a round, from the signal.
// To be sure of the place inside, the bench holds the row that a round must write, for a moment. Cut off: its connections to
// the database fall silent, none is closed; new ones are served.
import { portOfWaitingRound, replicaInsideRound } from '../../e2e/inside-round.ts'
import type { ReplicaProcess } from '../../e2e/replica-process.ts'
import { waitFor } from '../../e2e/wait.ts'
import { freePort } from '../../global-setup.ts'
import { type SilentLink, silentLink } from '../../lease/silent-link.ts'
import { Bed, type Server } from '../bed/bed.ts'
import type { Bench } from '../main.ts'
import { atMost, type Measured } from '../figure.ts'

export const takeoverBench: Bench = async (server, quick) => {
  const bed = await Bed.make(server, 'takeover')
  try {
    const { id } = await bed.cluster('takeover')
    const trial = new Trial(bed, id)
    await trial.start()
    const killed = { unit: 'ms' as const, targets: [atMost('max' as const, 300)] }
    const between = await repeat(quick ? 4 : 12, () => trial.killBetween(false))
    const rung = await repeat(quick ? 2 : 8, () => trial.killBetween(true))
    const inside = await repeat(quick ? 3 : 10, () => trial.faultInside('SIGKILL'))
    const hung = await repeat(quick ? 2 : 8, () => trial.faultInside('SIGSTOP'))
    return [
      { what: 'killed between rounds, next one due, no doorbell', ...killed, samples: between },
      { what: 'killed between rounds, doorbell rung', ...killed, samples: rung },
      { what: 'killed inside a round', ...killed, samples: inside },
      { what: 'hung inside a round', unit: 'ms', samples: hung, targets: [atMost('max', 1_500)] },
      await cutOff(server, quick),
    ] satisfies Measured[]
  } finally {
    await bed.end()
  }
}

async function cutOff(server: Server, quick: boolean): Promise<Measured> {
  const bed = await Bed.make(server, 'takeover_cut')
  const links: SilentLink[] = []
  try {
    for (let replica = 0; replica < 2; replica++) links.push(await silentLink(bed.url))
    const trial = new Trial(bed, (await bed.cluster('takeover')).id, links)
    await trial.start()
    const samples = await repeat(quick ? 2 : 8, () => trial.cutInside())
    const targets = [atMost('max' as const, 1_500)]
    return { what: 'cut off inside a round', unit: 'ms', samples, targets }
  } finally {
    await bed.end()
    for (const link of links) link.close()
  }
}

/** A killed replica must be started again before the next trial, which a busy machine takes long for. */
const longestMs = 13_000

/** So many trials, or fewer where they take long; two at the least. */
async function repeat(runs: number, once: () => Promise<number>): Promise<number[]> {
  const samples: number[] = []
  const endMs = performance.now() + longestMs
  while (samples.length < runs && (samples.length < 2 || performance.now() < endMs))
    samples.push(await once())
  return samples
}

type Crm = { round: number; replica: string | null }

class Trial {
  readonly #bed: Bed
  readonly #clusterId: number
  readonly #replicas: ReplicaProcess[] = []
  readonly #ports: number[] = []
  readonly #links: SilentLink[]

  /** @param links each replica's way to the database, if not the straight one */
  constructor(bed: Bed, clusterId: number, links: SilentLink[] = []) {
    this.#bed = bed
    this.#clusterId = clusterId
    this.#links = links
  }

  async start(): Promise<void> {
    for (const index of [0, 1]) {
      this.#ports.push(await freePort())
      await this.#replica(index)
    }
    await this.#round(() => true)
  }

  /** Kills the last round's replica; then a round is due at once, which only a look at the database can tell, or a doorbell. */
  async killBetween(isRung: boolean): Promise<number> {
    const victim = await this.#restingCrm()
    await victim.end('SIGKILL', 1_000)
    const { round } = await this.#crm()
    const startedMs = performance.now()
    await this.#bed.sql`
      update crm set next_round_at = clock_timestamp() where cluster_id = ${this.#clusterId}`
    if (isRung) await this.#ring()
    await this.#round((crm) => crm.round > round && crm.replica !== victim.name)
    const tookMs = performance.now() - startedMs
    await this.#replica(this.#replicas.indexOf(victim))
    return tookMs
  }

  /** Stops or kills a replica while its transaction has the lock and is about to bump the round. */
  async faultInside(signal: 'SIGKILL' | 'SIGSTOP'): Promise<number> {
    const { round } = await this.#crm()
    const { victim, startedMs } = await this.#bed.sql.begin(async (tx) => {
      await tx`select from crm where cluster_id = ${this.#clusterId} for update`
      await this.#ring()
      const inside = await this.#inside()
      inside.signal(signal)
      return { victim: inside, startedMs: performance.now() }
    })
    await this.#round((crm) => crm.round > round && crm.replica !== victim.name)
    const tookMs = performance.now() - startedMs
    if (signal === 'SIGSTOP') victim.signal('SIGCONT')
    else await victim.end('SIGKILL', 1_000)
    if (signal === 'SIGKILL') await this.#replica(this.#replicas.indexOf(victim))
    else await victim.ready()
    return tookMs
  }

  /** Silences every connection of a replica while its transaction has the lock and is about to bump the round. */
  async cutInside(): Promise<number> {
    const { round } = await this.#crm()
    const { victim, startedMs } = await this.#bed.sql.begin(async (tx) => {
      await tx`select from crm where cluster_id = ${this.#clusterId} for update`
      await this.#ring()
      const port = await portOfWaitingRound(this.#bed.sql, 2)
      const index = this.#links.findIndex((link) => link.carries(port))
      if (index < 0) throw new Error('the round belongs to no replica')
      this.#links[index]!.fallSilent()
      return { victim: this.#replicas[index]!, startedMs: performance.now() }
    })
    await this.#round((crm) => crm.round > round && crm.replica !== victim.name)
    const tookMs = performance.now() - startedMs
    await this.#isBack(victim)
    return tookMs
  }

  /** It has connected anew: `ready` would still count its last look before the cut. */
  async #isBack(replica: ReplicaProcess): Promise<void> {
    const look = async () => {
      await this.#bed.sql`
        update crm set next_round_at = clock_timestamp() where cluster_id = ${this.#clusterId}`
      return (await this.#crm()).replica === replica.name
    }
    const what = `a round by ${replica.name}, which was cut off`
    await waitFor(look, { what, timeoutMs: 30_000, everyMs: 100 })
  }

  async #replica(index: number): Promise<void> {
    const name = `replica-${index + 1}`
    const replica = await this.#bed.replica(name, this.#ports[index], this.#links[index]?.url)
    this.#replicas[index] = replica
  }

  /** The CRM, when its last round is over and none is due soon. */
  async #restingCrm(): Promise<ReplicaProcess> {
    await this.#bed.sql`
      update crm set next_round_at = clock_timestamp() where cluster_id = ${this.#clusterId}`
    const { round } = await this.#crm()
    const { replica } = await this.#round((crm) => crm.round > round)
    return this.#replicas.find(({ name }) => name === replica) as ReplicaProcess
  }

  /** The replica whose round waits for its row: told by the connection that holds the advisory lock. */
  #inside(): Promise<ReplicaProcess> {
    return replicaInsideRound(this.#bed.sql, this.#replicas, 2)
  }

  async #crm(): Promise<Crm> {
    const [row] = await this.#bed.sql<Crm[]>`
      select round::float8 as round, replica from crm where cluster_id = ${this.#clusterId}`
    return row as Crm
  }

  #ring() {
    return this.#bed.sql`select pg_notify('holdfast_crm', ${String(this.#clusterId)})`
  }

  /** Looked at every 2 ms, which is how late a figure may be. */
  #round(isIt: (crm: Crm) => boolean): Promise<Crm> {
    const look = async () => {
      const crm = await this.#crm()
      return isIt(crm) && crm
    }
    return waitFor(look, { what: 'a round by another replica', timeoutMs: 15_000, everyMs: 2 })
  }
}
