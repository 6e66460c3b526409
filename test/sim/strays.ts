// What runs without a grant: for a short while that may be, as after a history that was lost. Then it must be adopted,
// stopped, or gone with its machine.
import { fenceAfterMs } from '../../shared/timing.ts'
import { generationOn } from '../../control-plane/cluster/grants.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'
import type { Guest } from './guests.ts'
import type { Machine } from './machine.ts'
import type { Tally } from './tally.ts'

/** How often it is looked for, by the clock of the world. */
const lookMs = 5_000

export class Strays {
  private readonly since = new Map<Guest, number>()
  private lookedMs = 0
  private readonly tally: Tally
  private planeEpoch = ''

  constructor(tally: Tally) {
    this.tally = tally
  }

  /** What has run without a grant for too long, as sentences. */
  look(nowMs: number, machines: Machine[], state: ClusterState, mayBe: MayBe): string[] {
    if (nowMs < this.lookedMs + lookMs) return []
    this.lookedMs = nowMs
    // A new history: whatever it does not know is looked at anew.
    if (state.planeEpoch.uuid !== this.planeEpoch) this.since.clear()
    this.planeEpoch = state.planeEpoch.uuid
    const { timing } = state.settings
    const longest = { ...timing, leaseMs: state.longestLeaseMs }
    const graceMs = 3 * fenceAfterMs(longest) + timing.stopTimeoutMs + 60_000
    const faults: string[] = []
    const strays = new Set<Guest>()
    for (const machine of machines)
      for (const guest of machine.guests.running.values()) {
        if (isGranted(state, machine.name, guest) || mayBe(machine, guest)) continue
        strays.add(guest)
        this.tally.note('judged: stray')
        const sinceMs = this.since.get(guest) ?? nowMs
        this.since.set(guest, sinceMs)
        if (nowMs - sinceMs <= graceMs) continue
        const seconds = Math.round((nowMs - sinceMs) / 1000)
        const what = `${guest.sid} as generation ${guest.generation}`
        faults.push(`${machine.name} has run ${what} without a grant for ${seconds} s`)
      }
    for (const guest of this.since.keys()) if (!strays.has(guest)) this.since.delete(guest)
    return faults
  }
}

/** Left alone on purpose, or beyond anybody’s reach. */
type MayBe = (machine: Machine, guest: Guest) => boolean

function isGranted(state: ClusterState, node: string, { sid, generation }: Guest): boolean {
  const { grant, status } = state.services[sid] ?? {}
  const held = generationOn(grant ?? null, node)
  return held !== null && (held === generation || status?.foundAs === generation)
}
