// A whole small cluster in memory: nodes with boots, agents, watchdogs and processes, and a plane that is `decide`, the
// reducer and nothing else. Agents here do what the protocol asks of them and no more; the world plays the faults.
// Its one purpose: to count how many copies of a service run, at every moment.
import { expect } from 'vitest'
import { applyPlan } from '../../control-plane/cluster/apply.ts'
import { generationOn } from '../../control-plane/cluster/grants.ts'
import { checkInvariants } from '../../control-plane/cluster/check.ts'
import type { ClusterView, NodeView, ServiceConfig } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { fenceAfterMs } from '../../shared/timing.ts'
import { aNode, aService, buildView } from './build-view.ts'
import { type Fate, tickJobs } from './live-half.ts'
import { live, type Machine, newAgent, timing } from './machine.ts'

export const tickMs = 500

export class World {
  view: ClusterView
  readonly machines: Machine[]
  /** Services whose starts fail, everywhere or on one node: `sid` or `sid@node`. */
  readonly broken = new Set<string>()
  isPlaneUp = true
  /** Machines do not reach each other. */
  arePeersCut = false
  /** How live moves that begin from now on will end, and after how long. */
  fate: Fate = 'ok'
  moveMs = 2_000
  /** Live moves that have switched over. */
  moved = 0
  /** What the database was, tick by tick: a history that is cut goes on from one of these. */
  readonly #past: ClusterView[] = []
  /** Grants name what runs. Not once a history is cut, or services are moved by hand. */
  #isHeld = true
  /** Every view that a round of the plane reads. */
  onRound: (view: ClusterView) => void = () => {}

  constructor(names: string[]) {
    const fresh = {
      epoch: 1,
      bootId: null,
      renewedMs: null,
      guarded: null,
      armed: false,
      revision: 0,
    }
    const watchdog = {
      class: 'qualified',
      identity: 'i6300esb',
      effectiveMs: timing.watchdogMs,
    } as const
    this.view = buildView({
      nodes: names.map((name) =>
        aNode(name, {
          state: 'unknown',
          drivers: ['process', 'vm'],
          report: null,
          watchdog,
          lease: { ...fresh, leaseUntilMs: 0, judgedUntilMs: 0 },
        }),
      ),
      settings: { timing },
      nextGeneration: 1,
    })
    this.machines = names.map((name) => ({
      name,
      isOn: true,
      isCut: false,
      isDeaf: false,
      isHung: false,
      boot: 1,
      agent: newAgent(),
      processes: new Map(),
      fedMs: null,
      incoming: new Map(),
      jobs: new Map(),
      moving: new Map(),
      closed: new Map(),
      joinedBoot: 1,
      bootsAtMs: null,
    }))
  }

  configure(sid: string, config: Partial<ServiceConfig>): void {
    const known = this.view.services[sid]
    const next = known
      ? {
          ...known,
          config: known.config
            ? { ...known.config, ...config }
            : aService(sid, null, { config }).config,
        }
      : aService(sid, null, {
          config,
          status: null,
          grant: false,
          everGranted: false,
        })
    this.view = { ...this.view, services: { ...this.view.services, [sid]: next } }
  }

  remove(sid: string): void {
    const { [sid]: known, ...others } = this.view.services
    if (!known) return
    const isHeld = known.status !== null || known.grant !== null
    const services = isHeld ? { ...others, [sid]: { ...known, config: null } } : others
    this.view = { ...this.view, services }
  }

  /** A command about the whole cluster. */
  command(kind: 'disarm' | 'arm', mode: 'freeze' | 'ignore' | null): void {
    const uid = `${kind}-${this.view.nowMs}`
    const command = { uid, kind, node: null, mode, status: 'pending', reason: '' } as const
    this.view = { ...this.view, clusterCommands: [...this.view.clusterCommands, command] }
  }

  /**
   * Somebody moves a service by hand, as anybody may in a cluster disarmed in mode `ignore`; with no `from` it starts what
   * runs nowhere. Not off a node whose agent still protects it: that one would start it again.
   */
  moveByHand(sid: string, to: Machine): void {
    const { view } = this
    if (view.disarm?.mode !== 'ignore' || view.disarm.effectiveMs === null || !to.isOn) return
    const from = this.machines.find((one) => one.isOn && one.processes.has(sid))
    if (from === to || (from && from.agent !== null && !from.agent.released)) return
    const generation = from?.processes.get(sid) ?? 0
    from?.processes.delete(sid)
    to.processes.set(sid, generation)
    this.#isHeld = false
  }

  /** Half a second of the world; then everything that must never happen is looked for. */
  tick(): void {
    this.view = { ...this.view, nowMs: this.view.nowMs + tickMs }
    for (const machine of this.machines) if (machine.isOn) tickJobs(this, machine)
    for (const machine of this.machines) live(this, machine)
    if (this.isPlaneUp) this.#round()
    this.#past.push(this.view)
    for (const sid of Object.keys(this.view.services)) {
      const copies = this.machines
        .filter((one) => one.isOn && one.processes.has(sid))
        .map((one) => one.name)
      expect(
        copies.length,
        `${sid} runs on ${copies.join(' and ')} at ${this.view.nowMs}`,
      ).toBeLessThanOrEqual(1)
    }
    if (this.#isHeld) for (const machine of this.machines) this.#expectHeld(machine)
  }

  /** What runs, or might come alive, is held by an open grant on that very node (rule 7, S4). */
  #expectHeld(machine: Machine): void {
    for (const [sid, generation] of [...machine.processes, ...machine.incoming]) {
      const grant = this.view.services[sid]?.grant ?? null
      const held = generationOn(grant, machine.name)
      expect(held, `${machine.name} has ${sid} as ${generation} at ${this.view.nowMs}`).toBe(
        generation,
      )
    }
  }

  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += tickMs) this.tick()
  }

  /** The database loses its last `ticks`, and knows it: all leases count as renewed, numbers jump, quarantine (rule 9). */
  loseHistory(ticks: number): void {
    this.#isHeld = false
    const past = this.#past.at(-1 - ticks)
    if (past === undefined) return
    const { nowMs, round, planeEpoch } = this.view
    const number = planeEpoch.number + 1
    const quarantineUntilMs = nowMs + fenceAfterMs(timing)
    const until = { leaseUntilMs: quarantineUntilMs, judgedUntilMs: quarantineUntilMs }
    const nodes = Object.values(past.nodes).map((node) => [
      node.name,
      { ...node, lease: { ...node.lease, ...until } },
    ])
    this.view = {
      ...past,
      nowMs,
      round,
      planeEpoch: { ...planeEpoch, number, quarantineUntilMs },
      nextGeneration: number * 1_000_000,
      nodes: Object.fromEntries(nodes),
    }
  }

  powerOff(machine: Machine): void {
    Object.assign(machine, { isOn: false, agent: null, fedMs: null })
    for (const what of [machine.processes, machine.incoming, machine.jobs, machine.moving])
      what.clear()
  }

  powerOn(machine: Machine): void {
    if (machine.isOn) return
    const fresh = { boot: machine.boot + 1, agent: newAgent(), bootsAtMs: null }
    Object.assign(machine, { isOn: true, isHung: false, ...fresh })
  }

  #round(): void {
    const view = { ...this.view, round: this.view.round + 1 }
    this.onRound(view)
    const plan = decide(view)
    this.view = applyPlan(view, plan)
    expect(checkInvariants(this.view)).toEqual([])
    expect(decide({ ...this.view, round: view.round + 1 }).changes).toEqual([])
  }

  setNode(node: NodeView): void {
    this.view = { ...this.view, nodes: { ...this.view.nodes, [node.name]: node } }
  }
}
