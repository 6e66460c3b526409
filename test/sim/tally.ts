// How often what a seed may bring has really happened, and how often each check had something to judge. A fault that never
// happens finds nothing, and a check that has nothing to judge cannot fail: over the seeds of the tests there may be neither.
import type { ClusterState } from '../../control-plane/store/memory/state.ts'
import { machineFaults, siteFaults, steadyFaults, timedFaults } from './fault-rates.ts'

/** What follows from the faults, by itself. */
const consequences = [
  'overtaken messages',
  'messages lost in a cut',
  'replicas killed in a round',
  'rounds ended for silence',
  'rounds that lost a race',
  'commits lost in a failover',
  'holders lost in a failover',
  'watchdogs fired',
  'watchdogs fired late',
  'feeds by an unclean close',
  'disk faults met',
  'machines switched off by a device',
  'live moves begun',
  'services moved by hand',
] as const

/** What was judged, by what the world knows of it. */
const judged = [
  'judged: start',
  'judged: start behind a gate',
  'judged: feed',
  'judged: running',
  'judged: two services at once',
  'judged: stray',
  'judged: holder closed',
  'judged: boot proved dead by its watchdog',
  'judged: boot proved off',
  'judged: boot proved over by another',
  'judged: join',
  'judged: switched on',
  'judged: left alone while disarmed',
  'judged: placement under a rule or group',
  'judged: edge of a service',
  'judged: edge of a node',
  'judged: round',
  'judged: generation',
  'judged: lease epoch',
  'judged: refusal of a mistake',
] as const

export const counted = [
  ...machineFaults,
  ...siteFaults,
  ...steadyFaults,
  ...timedFaults,
  ...consequences,
  ...judged,
] as const
export type Counted = (typeof counted)[number]
export type Counts = Record<Counted, number>

export class Tally {
  readonly counts = Object.fromEntries(counted.map((name) => [name, 0])) as Counts

  note(name: Counted, times = 1): void {
    this.counts[name] += times
  }
}

export function sumOf(all: readonly Counts[]): Counts {
  const sum = new Tally()
  for (const counts of all) for (const name of counted) sum.note(name, counts[name])
  return sum.counts
}

/** One line each, what never happened first. */
export function countsText(counts: Counts): string {
  const rows = counted.map((name) => [name, counts[name]] as const)
  const never = rows.filter(([, times]) => times === 0).map(([name]) => `never: ${name}`)
  const often = rows.filter(([, times]) => times > 0)
  return [...never, ...often.map(([name, times]) => `${String(times).padStart(9)} ${name}`)].join(
    '\n',
  )
}

type Clusters = Record<number, ClusterState>

/** A failover went back to `now`. */
export function noteLost(tally: Tally, lost: Clusters, now: Clusters): void {
  for (const [id, state] of Object.entries(lost)) {
    const kept = now[Number(id)]
    if (kept === state) continue
    tally.note('commits lost in a failover')
    for (const [sid, { grant }] of Object.entries(state.services))
      if (grant && kept?.services[sid]?.grant?.generation !== grant.generation)
        tally.note('holders lost in a failover')
  }
}
