// A whole small cluster in memory: nodes with boots, agents, watchdogs and processes, and a plane that is `decide`, the
// reducer and nothing else. Agents here do what the protocol asks of them and no more; the world plays the faults.
// Its one purpose: to count how many copies of a service run, at every moment.
import { expect } from 'vitest'
import { applyPlan } from '../../control-plane/cluster/apply.ts'
import { checkInvariants } from '../../control-plane/cluster/check.ts'
import { desiredFor } from '../../control-plane/cluster/orders.ts'
import type { ClusterView, NodeView, ServiceConfig } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import type { OrderResult } from '../../shared/protocol.ts'
import { feedMarginMs, fenceAfterMs, profiles } from '../../shared/timing.ts'
import { aNode, aService, buildView } from './build-view.ts'

export const tickMs = 500
const timing = profiles.fast

type Machine = {
  name: string
  isOn: boolean
  isCut: boolean
  isHung: boolean
  boot: number
  /** null: the agent process is dead. */
  agent: Agent | null
  /** What really runs here, by sid. */
  processes: Map<string, number>
  /** Of this boot: the watchdog counts down from here; null: closed. */
  fedMs: number | null
  /** Journal: survives the agent and the boot. */
  closed: Map<string, number>
}

type Agent = {
  epoch: number | null
  sentMs: number | null
  nonce: string | null
  confirmed: Set<string>
  results: OrderResult[]
  revision: number
}

export class World {
  view: ClusterView
  readonly machines: Machine[]
  /** Services whose starts fail, everywhere or on one node: `sid` or `sid@node`. */
  readonly broken = new Set<string>()
  isPlaneUp = true
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
      isHung: false,
      boot: 1,
      agent: newAgent(),
      processes: new Map(),
      fedMs: null,
      closed: new Map(),
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
      : aService(sid, null, { config, status: null, grant: false, everGranted: false })
    this.view = { ...this.view, services: { ...this.view.services, [sid]: next } }
  }

  remove(sid: string): void {
    const { [sid]: known, ...others } = this.view.services
    if (!known) return
    const isHeld = known.status !== null || known.grant !== null
    const services = isHeld ? { ...others, [sid]: { ...known, config: null } } : others
    this.view = { ...this.view, services }
  }

  /** Half a second of the world; then everything that must never happen is looked for. */
  tick(): void {
    this.view = { ...this.view, nowMs: this.view.nowMs + tickMs }
    for (const machine of this.machines) this.#live(machine)
    if (this.isPlaneUp) this.#round()
    for (const sid of Object.keys(this.view.services)) {
      const copies = this.machines
        .filter((one) => one.isOn && one.processes.has(sid))
        .map((one) => one.name)
      expect(
        copies.length,
        `${sid} runs on ${copies.join(' and ')} at ${this.view.nowMs}`,
      ).toBeLessThanOrEqual(1)
    }
  }

  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += tickMs) this.tick()
  }

  powerOff(machine: Machine): void {
    Object.assign(machine, { isOn: false, agent: null, fedMs: null, processes: new Map() })
  }

  powerOn(machine: Machine): void {
    if (machine.isOn) return
    Object.assign(machine, { isOn: true, isHung: false, boot: machine.boot + 1, agent: newAgent() })
  }

  #round(): void {
    const view = { ...this.view, round: this.view.round + 1 }
    this.onRound(view)
    const plan = decide(view)
    this.view = applyPlan(view, plan)
    expect(checkInvariants(this.view)).toEqual([])
    expect(decide({ ...this.view, round: view.round + 1 }).changes).toEqual([])
  }

  #live(machine: Machine): void {
    if (!machine.isOn) return
    const { nowMs } = this.view
    if (machine.fedMs !== null && nowMs - machine.fedMs >= timing.watchdogMs)
      return this.powerOff(machine)
    const { agent } = machine
    if (agent === null || machine.isHung) return
    const isReached = this.isPlaneUp && !machine.isCut
    if (isReached && agent.epoch === null) this.#askEpoch(machine, agent)
    if (isReached && agent.epoch !== null) this.#renew(machine, agent)
    const mayFeed =
      agent.sentMs !== null &&
      nowMs <= agent.sentMs + timing.leaseMs - feedMarginMs(timing.watchdogMs)
    if (machine.fedMs !== null && mayFeed) machine.fedMs = nowMs
    if (agent.epoch !== null && !mayFeed) return this.#giveUp(machine, agent)
    if (isReached && agent.epoch !== null && mayFeed) this.#obey(machine, agent)
  }

  /** The gentle way: stops everything, closes the watchdog, and its epoch is over. */
  #giveUp(machine: Machine, agent: Agent): void {
    for (const sid of machine.processes.keys()) this.#close(machine, sid)
    machine.fedMs = null
    Object.assign(agent, newAgent())
  }

  #askEpoch(machine: Machine, agent: Agent): void {
    const node = this.view.nodes[machine.name]!
    const bootId = bootOf(machine)
    if (node.lease.bootId === bootId && agent.nonce !== null && node.epochRequest === null) {
      Object.assign(agent, { epoch: node.lease.epoch, nonce: null })
      return
    }
    const { challenge } = node
    agent.nonce = challenge?.bootId === bootId ? challenge.nonce : null
    const asked = (agent.nonce === null ? [] : (challenge?.questions ?? [])).map(
      ({ sid, generation }) => ({
        sid,
        generation,
        state:
          machine.processes.get(sid) === generation ? ('running' as const) : ('stopped' as const),
      }),
    )
    const request = {
      bootId,
      sameHardware: true,
      planeEpoch: 1,
      nonce: agent.nonce,
      found: asked,
      requestedMs: this.view.nowMs,
    }
    this.#setNode({ ...node, epochRequest: request })
  }

  #renew(machine: Machine, agent: Agent): void {
    const node = this.view.nodes[machine.name]!
    const { nowMs } = this.view
    if (node.lease.epoch !== agent.epoch || node.lease.bootId !== bootOf(machine)) {
      this.#giveUp(machine, agent)
      return
    }
    agent.sentMs = nowMs
    const orders = desiredFor(this.view, machine.name)
    const until = Math.max(node.lease.leaseUntilMs, nowMs + fenceAfterMs(timing))
    const wanted = orders.services.filter(
      (order) => order.state === 'started' && order.generation !== null,
    )
    if (wanted.length > 0 && machine.fedMs === null) machine.fedMs = nowMs
    const isArmed = machine.fedMs !== null
    const guarded =
      machine.processes.size + wanted.length === 0 ? null : isArmed && node.lease.guarded !== false
    for (const { sid, generation } of wanted) {
      const service = this.view.services[sid]!
      const holders = service.grant!.holders.map((holder) => ({ ...holder, confirmed: true }))
      this.view = {
        ...this.view,
        services: {
          ...this.view.services,
          [sid]: { ...service, grant: { generation: generation!, holders } },
        },
      }
      agent.confirmed.add(`${sid} ${generation}`)
    }
    const running = [...machine.processes].map(([sid, generation]) => ({
      sid,
      generation,
      state: 'running' as const,
      stable: true,
    }))
    const closed = [...machine.closed].map(([sid, generation]) => ({ sid, generation }))
    const report = {
      epoch: agent.epoch,
      bootId: bootOf(machine),
      seq: 1,
      running,
      closed,
      results: [...agent.results],
    }
    const lease = {
      ...node.lease,
      leaseUntilMs: until,
      judgedUntilMs: until,
      renewedMs: nowMs,
      reportedMs: nowMs,
    }
    const facts = { armed: isArmed, guarded, revision: agent.revision, attestedPlaneEpoch: 1 }
    this.#setNode({ ...node, report, lease: { ...lease, ...facts } })
    agent.revision = this.view.round
  }

  #obey(machine: Machine, agent: Agent): void {
    const { services } = desiredFor(this.view, machine.name)
    for (const { sid, state, generation, uid, restart } of services) {
      const answer = (outcome: OrderResult['outcome']) => {
        if (!agent.results.some((one) => one.uid === uid))
          agent.results = [...agent.results.slice(-20), { uid, sid, outcome }]
      }
      if (state === 'started' && generation !== null) {
        if (
          generation <= (machine.closed.get(sid) ?? 0) ||
          !agent.confirmed.has(`${sid} ${generation}`)
        )
          continue
        if (restart) machine.processes.delete(sid)
        if (this.broken.has(sid) || this.broken.has(`${sid}@${machine.name}`)) {
          this.#close(machine, sid, generation)
          answer('error')
        } else {
          machine.processes.set(sid, generation)
          answer('ok')
        }
      } else if (state === 'request_stop' || state === 'relocate' || state === 'stopped') {
        const known = generation ?? machine.processes.get(sid)
        if (known !== undefined) this.#close(machine, sid, known)
        answer('ok')
      }
    }
    if (machine.processes.size === 0 && !services.some((order) => order.generation !== null))
      machine.fedMs = null
  }

  /** Journals the generation as ended before anything is said about it. */
  #close(machine: Machine, sid: string, generation = machine.processes.get(sid)!): void {
    machine.processes.delete(sid)
    machine.closed.set(sid, Math.max(generation, machine.closed.get(sid) ?? 0))
  }

  #setNode(node: NodeView): void {
    this.view = { ...this.view, nodes: { ...this.view.nodes, [node.name]: node } }
  }
}

export function newAgent(): Agent {
  return { epoch: null, sentMs: null, nonce: null, confirmed: new Set(), results: [], revision: 0 }
}

function bootOf(machine: Machine): string {
  return `${machine.name}-boot-${machine.boot}`
}
