// What must never happen, looked for in the world itself: what runs on the machines, whatever any database believes.
// The database is asked only whether a start had its leave, and whether what it took for proof was one.
import { serviceType } from '../../shared/names.ts'
import { checkInvariants } from '../../control-plane/cluster/check.ts'
import { generationOn } from '../../control-plane/cluster/grants.ts'
import type { Change } from '../../control-plane/cluster/change.ts'
import { edgeFaults } from './edges-kept.ts'
import { placementFaults } from './rules-kept.ts'
import { readCluster } from '../../control-plane/store/memory/read.ts'
import { type ClusterState, holdersOf, nodeNamed } from '../../control-plane/store/memory/state.ts'
import type { SimDatabase } from './database.ts'
import type { Guest } from './guests.ts'
import type { Machine } from './machine.ts'
import { Numbers } from './numbers.ts'
import { isNotYetAwake, type LeaseRecorder } from './recorder.ts'
import { Strays } from './strays.ts'

export type Violation = { atMs: number; what: string }

export class Checks {
  readonly violations: Violation[] = []
  private readonly machines: Machine[]
  private readonly database: SimDatabase
  private readonly nowMs: () => number
  private readonly clusterId: number
  private seen: ClusterState
  private hasStarted = false
  private readonly recorder: LeaseRecorder
  private readonly numbers: Numbers
  private readonly strays = new Strays()
  /** Holders that a lost history had and this one does not know: `sid generation node`. */
  private readonly lostHolders = new Set<string>()
  /** Holders that were open in the state from which a history began anew, by service, until a newer one of it has begun to run. */
  private readonly keptHolders = new Map<string, string[]>()
  /** Highest generation ever started, by service. */
  private readonly started = new Map<string, number>()

  constructor(parts: {
    machines: Machine[]
    database: SimDatabase
    clusterId: number
    recorder: LeaseRecorder
    nowMs: () => number
  }) {
    this.machines = parts.machines
    this.database = parts.database
    this.nowMs = parts.nowMs
    this.clusterId = parts.clusterId
    this.recorder = parts.recorder
    this.seen = this.database.memory.cluster(this.clusterId)
    this.numbers = new Numbers(this.seen)
  }

  violate(what: string): void {
    this.violations.push({ atMs: this.nowMs(), what })
  }

  /** After every event: nothing runs past its machine’s lease, or for long without a grant, and no service is anywhere twice. */
  afterEvent(): void {
    for (const machine of this.machines) {
      const fault = machine.guests.running.size > 0 ? this.recorder.judgeRunning(machine) : null
      if (fault) this.violate(fault)
    }
    const mayBe = (machine: Machine, { sid }: Guest) =>
      machine.guests.stuck.has(sid) || this.seen.disarm !== null || this.recorder.isLetGo(machine)
    for (const fault of this.strays.look(this.nowMs(), this.machines, this.seen, mayBe))
      this.violate(fault)
    if (!this.hasStarted) return
    this.hasStarted = false
    const at = new Map<string, Machine>()
    for (const machine of this.machines)
      for (const sid of isNotYetAwake(machine) ? [] : machine.guests.running.keys()) {
        const other = at.get(sid)
        if (other) this.violate(`${sid} runs on ${other.name} and on ${machine.name}`)
        at.set(sid, machine)
      }
  }

  /** Something begins to run: it needs an open, confirmed grant there, and no older number than ever before. */
  onStart(machine: Machine, guest: Guest): void {
    this.hasStarted = true
    const { sid, generation } = guest
    const grant = this.seen.services[sid]?.grant
    const holder = grant?.holders.find((one) => one.node === machine.name)
    const isHeld =
      generationOn(grant ?? null, machine.name) === generation && holder?.confirmed === true
    if (!isHeld && !this.lostHolders.has(key(sid, generation, machine.name)))
      this.violate(
        `${sid} starts on ${machine.name} as generation ${generation}; the grant says ${JSON.stringify(grant ?? null)}`,
      )
    const before = this.started.get(sid) ?? 0
    // What a history knew as granted when it began anew is not stale in it: it may be confirmed once every node has attested.
    const isKept = this.keptHolders.get(sid)?.includes(key(sid, generation, machine.name))
    if (generation >= before) this.keptHolders.delete(sid)
    else if (!isKept)
      this.violate(`${sid} starts as generation ${generation} after it had run as ${before}`)
    this.started.set(sid, Math.max(before, generation))
  }

  /** An agent begins to do something to a service: in a disarmed cluster it has let go of them all. */
  onTouch(machine: Machine, sid: string, what: string): void {
    const isDisarmed = (this.seen.disarm?.effectiveMs ?? null) !== null
    if (!isDisarmed || machine.isGoingDown || !this.recorder.isLetGo(machine)) return
    const isThere = machine.guests.running.get(sid)?.state === 'running'
    if (what === 'start' || isThere)
      this.violate(`${machine.name} begins to ${what} ${sid} while it is disarmed`)
  }

  /** What a daemon of the host could start too is started by an agent once its gate is in place (S8). */
  beforeStart({ name, guests }: Machine, sid: string): void {
    if (serviceType(sid) === 'vm' && !guests.gates.has(sid))
      this.violate(`${name} starts ${sid} before its start gate is in place`)
  }

  /** After every commit: each holder that was closed is really dead, and the view holds together. */
  onCommit(changes: Change[]): void {
    const before = this.seen
    const now = this.database.memory.cluster(this.clusterId)
    this.seen = now
    if (before.services !== now.services) this.checkClosed(before, now)
    if (before.nodes !== now.nodes) this.checkJoined(before, now)
    for (const fault of this.numbers.faultsOf(before, now, changes)) this.violate(fault)
    if (changes.length === 0) return
    for (const change of changes) this.checkOff(change)
    for (const fault of edgeFaults(before, changes)) this.violate(fault)
    const { view } = readCluster(now, this.database.memory.server, this.database.nowMs())
    for (const fault of checkInvariants(view)) this.violate(`after a round: ${fault}`)
    for (const change of changes)
      if (change.kind === 'grant.opened' || change.kind === 'grant.shared')
        for (const fault of placementFaults(view, change.sid, change.node)) this.violate(fault)
  }

  private checkClosed(before: ClusterState, now: ClusterState): void {
    for (const [sid, { grant }] of Object.entries(before.services)) {
      if (grant === null || now.services[sid]?.grant === grant) continue
      const after = now.services[sid]?.grant
      for (const { node } of grant.holders) {
        const isOpen = generationOn(after ?? null, node) === generationOn(grant, node)
        if (!isOpen) this.checkDead(sid, generationOn(grant, node)!, node)
      }
    }
  }

  /** A join is no evidence: nobody comes in under a name by which anything may still be running. */
  private checkJoined(before: ClusterState, now: ClusterState): void {
    for (const [uid, { view }] of Object.entries(now.nodes)) {
      if (before.nodes[uid]) continue
      for (const { sid, grant } of Object.values(before.services))
        if (grant?.holders.some(({ node }) => node === view.name))
          this.violate(`${view.name} joins anew while ${sid} may be running under that name`)
    }
  }

  private checkDead(sid: string, generation: number, node: string): void {
    const machine = this.machines.find((one) => one.name === node)
    if (machine && isNotYetAwake(machine)) return
    const guests = machine?.guests
    const alive = guests?.running.get(sid) ?? guests?.pending.get(sid) ?? guests?.incoming.get(sid)
    if (alive && alive.generation <= generation)
      this.violate(
        `grant ${generation} of ${sid} on ${node} was closed, and it is there as generation ${alive.generation}`,
      )
  }

  /** Evidence that a machine was off is honest: the boot that it is about executes nothing any more. */
  private checkOff(change: Change): void {
    if (change.kind !== 'evidence.recorded' || change.evidence !== 'device-off') return
    const machine = this.machines.find((one) => one.name === change.node)
    if (machine?.isOn && machine.bootId === change.facts.bootId)
      this.violate(`${change.node} is said to have been off, and its boot is still on`)
  }

  /** The plane may undo that a machine was off only when nobody needs it any more. */
  onSwitchOn(node: string): void {
    const now = this.database.memory.cluster(this.clusterId)
    const known = nodeNamed(now, node)
    const isHeld = holdersOf(now, node).some(
      ({ holder }) => holder.epoch < (known?.view.lease.epoch ?? 0),
    )
    if (isHeld) this.violate(`${node} is switched on while grants of its old life are open`)
  }

  /** A history was cut: what it had granted may still be acted upon until its leases are over. */
  onFailover(lost: Record<number, ClusterState>): void {
    const now = this.database.memory.cluster(this.clusterId)
    for (const [sid, { grant }] of Object.entries(lost[this.clusterId]?.services ?? {}))
      for (const { node } of grant?.holders ?? [])
        this.lostHolders.add(key(sid, generationOn(grant, node)!, node))
    this.keptHolders.clear()
    for (const [sid, { grant }] of Object.entries(now.services)) {
      const holders = grant?.holders ?? []
      const keys = holders.map(({ node }) => key(sid, generationOn(grant, node)!, node))
      this.keptHolders.set(sid, keys)
    }
    this.seen = now
    this.numbers.onFailover(now)
  }
}

function key(sid: string, generation: number, node: string): string {
  return `${sid} ${generation} ${node}`
}
