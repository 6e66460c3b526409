// What must never happen, looked for in the world itself: what runs on the machines, whatever any database believes.
// The database is asked only whether a start had its leave, and whether what it took for proof was one.
import { serviceType } from '../../shared/names.ts'
import { checkInvariants } from '../../control-plane/cluster/check.ts'
import { generationOn } from '../../control-plane/cluster/grants.ts'
import type { Change } from '../../control-plane/cluster/change.ts'
import { edgeFaults } from './edges-kept.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { placementFaults } from './rules-kept.ts'
import { readCluster } from '../../control-plane/store/memory/read.ts'
import { type ClusterState, holdersOf, nodeNamed } from '../../control-plane/store/memory/state.ts'
import type { SimDatabase } from './database.ts'
import type { Guest } from './guests.ts'
import type { Machine } from './machine.ts'
import { Numbers } from './numbers.ts'
import { isNotYetAwake, type LeaseRecorder } from './recorder.ts'
import { proofFault } from './proof-kept.ts'
import { Strays } from './strays.ts'
import type { Tally } from './tally.ts'

export type Violation = { atMs: number; what: string }

export class Checks {
  readonly violations: Violation[] = []
  private readonly machines: Machine[]
  private readonly database: SimDatabase
  private readonly nowMs: () => number
  private readonly clusterId: number
  private seen: ClusterState
  private hasStarted = false
  readonly recorder: LeaseRecorder
  private readonly numbers: Numbers
  private readonly strays: Strays
  readonly tally: Tally
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
    tally: Tally
  }) {
    this.machines = parts.machines
    this.database = parts.database
    this.nowMs = parts.nowMs
    this.clusterId = parts.clusterId
    this.recorder = parts.recorder
    this.tally = parts.tally
    this.strays = new Strays(parts.tally)
    this.seen = this.database.memory.cluster(this.clusterId)
    this.numbers = new Numbers(this.seen, this.tally, () =>
      this.machines.reduce((sum, { disk }) => sum + disk.timesWiped, 0),
    )
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
    if ((this.seen.disarm?.effectiveMs ?? null) !== null)
      for (const machine of this.machines)
        if (machine.guests.running.size > 0 && this.recorder.isLetGo(machine))
          this.tally.note('judged: left alone while disarmed')
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
    if (at.size > 1) this.tally.note('judged: two services at once')
  }

  /** Something begins to run: it needs an open, confirmed grant there, and no older number than ever before. */
  onStart(machine: Machine, guest: Guest): void {
    this.hasStarted = true
    this.tally.note('judged: start')
    const { sid, generation } = guest
    const grant = this.seen.services[sid]?.grant
    const holder = grant?.holders.find((one) => one.node === machine.name)
    const isHeld =
      generationOn(grant ?? null, machine.name) === generation && holder?.confirmed === true
    if (!isHeld && !this.lostHolders.has(key(sid, generation, machine.name)))
      this.violate(
        `${sid} starts on ${machine.name} as generation ${generation}; the grant says ${JSON.stringify(grant ?? null)}`,
      )
    else if (isHeld && this.isOtherBoot(machine, holder.epoch))
      this.violate(`${sid} starts on ${machine.name} under a grant that another boot of it held`)
    // Not what some daemon still had in hand when the plane let go of this boot: no silence of it is taken for proof.
    if (!machine.device.isRunning && !this.recorder.isReleased(machine))
      this.violate(`${sid} starts on ${machine.name}, and no watchdog counts there`)
    const before = this.started.get(sid) ?? 0
    // What a history knew as granted when it began anew is not stale in it: it may be confirmed once every node has attested.
    const isKept = this.keptHolders.get(sid)?.includes(key(sid, generation, machine.name))
    if (generation >= before) this.keptHolders.delete(sid)
    else if (!isKept)
      this.violate(`${sid} starts as generation ${generation} after it had run as ${before}`)
    this.started.set(sid, Math.max(before, generation))
  }

  /** As far as is known, the lease under which it holds that was given to another boot than the one that runs now. */
  private isOtherBoot(machine: Machine, epoch: number): boolean {
    const known = nodeNamed(this.seen, machine.name)
    if (!known) return false
    const leases = [known.view.lease, ...known.revocations]
    const bootId = leases.find((one) => one.epoch === epoch)?.bootId ?? null
    return bootId !== null && bootId !== machine.bootId
  }

  /** An agent begins to do something to a service: in a disarmed cluster it has let go of them all. */
  onTouch(machine: Machine, sid: string, what: string): void {
    const isDisarmed = (this.seen.disarm?.effectiveMs ?? null) !== null
    if (!isDisarmed || machine.isGoingDown || !this.recorder.isLetGo(machine)) return
    // A device that cannot be closed counts under the epoch that a new process has begun, and that one is let go of by a
    // grant: while nothing is granted, what it guards ends.
    const isGranted = this.seen.quorate && this.recorder.mayFeed(machine)
    if (machine.device.isRunning && !isGranted) return
    const isThere = machine.guests.running.get(sid)?.state === 'running'
    if (what === 'start' || isThere)
      this.violate(`${machine.name} begins to ${what} ${sid} while it is disarmed`)
  }

  /** What a daemon of the host could start too is started by an agent once its gate is in place (S8). */
  beforeStart({ name, guests }: Machine, sid: string): void {
    if (serviceType(sid) !== 'vm') return
    this.tally.note('judged: start behind a gate')
    if (!guests.gates.has(sid))
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
    for (const change of changes) this.checkProof(change)
    for (const fault of edgeFaults(before, changes)) this.violate(fault)
    for (const { kind } of changes)
      if (kind === 'service.state') this.tally.note('judged: edge of a service')
      else if (kind === 'node.state') this.tally.note('judged: edge of a node')
    const { view } = readCluster(now, this.database.memory.server, this.database.nowMs())
    for (const fault of checkInvariants(view)) this.violate(`after a round: ${fault}`)
    for (const change of changes)
      if (change.kind === 'grant.opened' || change.kind === 'grant.shared')
        this.checkPlaced(view, change)
  }

  private checkPlaced(view: ClusterView, { sid, node }: { sid: string; node: string }): void {
    const isBound =
      view.services[sid]?.config?.group != null ||
      view.rules.some((rule) => !rule.disabled && rule.resources.includes(sid))
    if (isBound) this.tally.note('judged: placement under a rule or group')
    for (const fault of placementFaults(view, sid, node)) this.violate(fault)
  }

  private checkClosed(before: ClusterState, now: ClusterState): void {
    for (const [sid, { grant }] of Object.entries(before.services)) {
      if (grant === null || now.services[sid]?.grant === grant) continue
      const after = now.services[sid]?.grant
      for (const { node } of grant.holders) {
        const isOpen = generationOn(after ?? null, node) === generationOn(grant, node)
        if (isOpen) continue
        this.tally.note('judged: holder closed')
        this.checkDead(sid, generationOn(grant, node)!, node)
      }
    }
  }

  /** A join is no evidence: nobody comes in under a name by which anything may still be running. */
  private checkJoined(before: ClusterState, now: ClusterState): void {
    for (const [uid, { view }] of Object.entries(now.nodes)) {
      if (before.nodes[uid]) continue
      this.tally.note('judged: join')
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

  private checkProof(change: Change): void {
    if (change.kind !== 'evidence.recorded') return
    const machine = this.machines.find((one) => one.name === change.node)
    const fault = machine ? proofFault(change, machine, this) : null
    if (fault) this.violate(fault)
  }

  /** The plane may undo that a machine was off only when nobody needs it any more. */
  onSwitchOn(node: string): void {
    this.tally.note('judged: switched on')
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
