// What directed schedules are told with: a small site with one service, moments that are waited for, and requests that a
// slow network delivers once more.
import { nodeNamed } from '../../../control-plane/store/memory/state.ts'
import type { ServiceType } from '../../../shared/names.ts'
import { Exchange } from '../link.ts'
import { newService } from '../random-wishes.ts'
import type { Machine } from '../machine.ts'
import type { Replica } from '../replica.ts'
import type { DeviceName } from '../watchdog.ts'
import { createWorld, type World } from '../world.ts'
import type { WorldOptions } from '../world-options.ts'

export const web = 'process:web'

/** Three nodes, and one service that has begun to run after ten seconds. */
export async function site(options: SiteOptions = {}): Promise<Site> {
  const { sid = web, drivers = ['process'], seed = 'directed', settings } = options
  const { device = 'i6300esb', fenceDevices = 0, virtual = false, readsGates = false } = options
  const nodes = (options.names ?? ['n1', 'n2', 'n3']).map((name) => ({
    ...{ name, drivers, device, fenceDevices, virtual },
    ...(options.rate !== undefined && { rate: options.rate }),
    isOn: name !== options.off,
  }))
  const world = createWorld({ nodes, seed, settings, readsGates })
  const confirms = tapConfirms(world)
  world.at(5_000, () => {
    for (const { name, isOn } of nodes) if (isOn) world.setUpFencing(name)
    void world.operator.add(newService(sid))
  })
  await world.run(10_000)
  const name = world.running()[sid]
  if (name === undefined)
    throw new Error(`${sid} does not run: ${JSON.stringify(world.checks.violations)}`)
  return { world, node: world.node(name), confirm: () => deliver(world, confirms.get(name)!) }
}

type SiteOptions = Pick<WorldOptions, 'settings' | 'seed' | 'readsGates'> & {
  /** Of its nodes; default: three. */
  names?: string[]
  sid?: string
  drivers?: ServiceType[]
  device?: DeviceName
  fenceDevices?: number
  /** Of every machine's clock; default: drawn. */
  rate?: number
  virtual?: boolean
  /** A machine that has no power yet. */
  off?: string
}

export type Site = {
  world: World
  /** Where the service runs. */
  node: Machine
  /** Has the network deliver, once more, the first renewal by which that node confirmed the service. */
  confirm: () => void
}

/** The first renewal with confirms of each node. */
function tapConfirms(world: World): Map<string, Exchange> {
  const first = new Map<string, Exchange>()
  for (const replica of world.replicas) {
    const serve = replica.serve.bind(replica)
    replica.serve = (exchange, give) => {
      const { body, url } = exchange.question
      const request = url.endsWith('/lease') ? (JSON.parse(body!) as { confirms: unknown[] }) : null
      const machine = world.machines.find((one) => one.bootId === bootIdOf(request))
      if (machine && request!.confirms.length > 0 && !first.has(machine.name))
        first.set(machine.name, exchange)
      serve(exchange, give)
    }
  }
  return first
}

function bootIdOf(request: unknown): string | undefined {
  return (request as { bootId: string } | null)?.bootId
}

function deliver(world: World, { question }: Exchange): void {
  for (const replica of world.replicas)
    if (replica.isUp) return replica.serve(new Exchange(question), () => {})
}

/** Runs `act` once, as soon as `isSo`; looked at every millisecond. */
export function once(world: World, isSo: () => boolean, act: () => void): void {
  world.scheduler.quietlyAfter(1, () => (isSo() ? act() : once(world, isSo, act)))
}

/** Lets time pass until something is so; looked at every millisecond. */
export async function until(world: World, isSo: () => boolean): Promise<void> {
  const untilMs = world.nowMs + 60_000
  while (!isSo() && world.checks.violations.length === 0) {
    if (world.nowMs > untilMs) throw new Error(`not within a minute: ${isSo.toString()}`)
    await world.run(1)
  }
}

/** Any machine but this one. */
export function otherThan(world: World, node: Machine): Machine {
  return world.machines.find((one) => one !== node)!
}

/** Its agent comes back, and knows nothing of what it did. */
export function loseJournal(node: Machine): void {
  node.crashAgent('its journal is lost')
  node.loseHome('journal')
}

/** As whoever administers the machine does it; it takes long to stop. */
export function startByHand(world: World, sid: string, { guests }: Machine): void {
  world.behaviours.scripts.set(sid, { stopMs: 5_000 })
  guests.running.set(sid, { sid, generation: 0, state: 'running', startedMs: world.nowMs })
}

/** The lease of a node, as the database has it. */
export function leaseOf(world: World, { name }: Machine) {
  return nodeNamed(world.database.memory.cluster(1), name)!.view.lease
}

/** The machine that holds the open grant of `sid`. */
export function holderOf(world: World, sid: string): Machine | undefined {
  const holder = world.database.memory.cluster(1).services[sid]?.grant?.holders[0]
  return world.machines.find(({ name }) => name === holder?.node)
}

/** The sending of the renewal that the agent of `machine` counts its lease from. */
export function leasedFromMs(machine: Machine): number {
  return machine.agent?.loop?.lrm.lease?.sentMs ?? 0
}

/** When the agent of `machine` last decided to feed. */
export function fedAtMs(machine: Machine): number | undefined {
  return machine.agent?.loop?.lrm.watchdog.fedMs
}

/** Runs `act` when the agent of `machine` has got its next lease. */
export function whenLeased(world: World, machine: Machine, act: () => void): void {
  const beforeMs = leasedFromMs(machine)
  once(world, () => leasedFromMs(machine) > beforeMs, act)
}

/** Requests of `machine` for a lease are refused, until one replica lets them through. */
export function refuseRenewals(world: World, machine: Machine) {
  let open: Replica | null = null
  for (const replica of world.replicas) {
    const serve = replica.serve.bind(replica)
    replica.serve = (exchange, give) => {
      const { url, credential } = exchange.question
      const isIts = credential === credentialOf(machine) && url.endsWith('/lease')
      if (isIts && open !== replica) give(new Error('ECONNREFUSED'))
      else serve(exchange, give)
    }
  }
  return { letThrough: (by: Replica) => (open = by) }
}

function credentialOf(machine: Machine): string | undefined {
  const text = machine.disk.read('/home/identity.json')
  return text === null ? undefined : (JSON.parse(text) as { credential: string }).credential
}
