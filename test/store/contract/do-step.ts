// How a side does a step. It takes what it needs from the side's own view, so that it means the same on both.
import { expect } from 'vitest'
import type { ClusterView } from '../../../control-plane/cluster/view.ts'
import { runRound } from '../../../control-plane/crm/round.ts'
import type { RenewalRow } from '../../../control-plane/lease/renewal-statement.ts'
import type { LeaseRequest } from '../../../shared/protocol.ts'
import type { StoredDevice } from '../../../control-plane/fence/fence-store.ts'
import type { SharedClock, Side } from './side.ts'
import { change, wish } from './do-wish.ts'
import { names, type Of, type Step } from './steps.ts'

/** What a driver of steps remembers of one side: the numbers that its agents have used. */
export type Memory = { seqs: Record<string, number>; sentMs: number; tokens: number }
export const newMemory = (): Memory => ({ seqs: {}, sentMs: 0, tokens: 0 })

/** Does one step to a side, and says what came of it. */
export async function doStep(side: Side, memory: Memory, clock: SharedClock, step: Step) {
  const view = await side.view()
  switch (step.what) {
    case 'advance':
      // The clock is everybody's: moved outside.
      return null
    case 'join':
      return join(side, memory, step)
    case 'ask':
      return ask(side, memory, view, step as Of<'ask'>)
    case 'desired':
      return desired(side, view, step as Of<'desired'>)
    case 'renew':
    case 'release':
      return renew(side, memory, view, step as Of<'renewal'>)
    case 'device':
    case 'undevice':
    case 'carryOut':
      return fence(side, view, step as Of<'fence'>)
    case 'round':
      return round(side, memory, clock, view, step as Of<'round'>)
    case 'add':
    case 'remove':
    case 'request':
    case 'command':
      return wish(side, clock, view, step as Of<'service'>)
    default:
      return change(side, view, step as Of<'site'>)
  }
}

const facts = {
  capacity: { cpus: 2, memoryBytes: 1e9 },
  watchdog: { class: 'qualified' as const, identity: 'i6300esb', effectiveMs: 10_000 },
  virtual: false,
  drivers: ['process' as const],
  agentVersion: 'test',
}
const bootId = (at: number, boot: number) => `boot-${names[at]}-${boot}`

async function join(side: Side, memory: Memory, { node: at, token }: Of<'join'>) {
  const secret = `hfj_${side.clusterUuid}-${memory.tokens}`
  if (token !== 'bad') await side.wishes.joinToken(secret, token === 'used' ? 0 : 1, null)
  memory.tokens += 1
  const name = names[at]!
  const request = { joinToken: secret, node: name, hardwareId: `hw-${name}`, bootId: bootId(at, 0) }
  const answer = await side.agents.join({ ...request, ...facts })
  if (typeof answer === 'string') return answer
  const known = await side.agents.findNode(answer.credential)
  return { ...answer, known }
}

async function ask(side: Side, memory: Memory, view: ClusterView, step: Of<'ask'>) {
  const known = view.nodes[names[step.node]!]
  if (!known) return null
  memory.sentMs += 1
  const nonces = { none: null, current: known.challenge?.nonce ?? null, wrong: 'wrong' }
  const request = {
    clusterUuid: side.clusterUuid,
    nodeUid: known.uid,
    bootId: bootId(step.node, step.boot),
    hardwareId: step.isSame ? `hw-${known.name}` : 'other-hardware',
    sentMs: step.isLate ? memory.sentMs - 2 : memory.sentMs,
    planeEpoch: planeOf(view, step.plane),
    nonce: nonces[step.nonce],
    found: foundOn(view, known.name, step.finds),
    ...facts,
  }
  await side.agents.requestEpoch(side.clusterId, request)
  return side.agents.epochStanding(request, view.settings.timing)
}

/** Everything granted there, as it might be found. */
function foundOn(view: ClusterView, name: string, what: 'granted' | 'nothing' | 'unknown') {
  return Object.values(view.services).flatMap(({ sid, grant }) => {
    if (!grant?.holders.some((holder) => holder.node === name)) return []
    const state = { granted: 'running', nothing: 'stopped', unknown: 'unknown' } as const
    return [{ sid, generation: grant.generation, state: state[what] }]
  })
}

function planeOf(view: ClusterView, which: string) {
  const { number, uuid } = view.planeEpoch
  if (which === 'old') return { number: Math.max(0, number - 1), uuid }
  if (which === 'later') return { number: number + 3, uuid }
  if (which === 'other') return { number, uuid: '00000000-0000-4000-8000-000000000000' }
  return { number, uuid }
}

async function desired(side: Side, view: ClusterView, { node: at, isKnown }: Of<'desired'>) {
  const known = view.nodes[names[at]!]
  if (!known) return null
  const first = await side.agents.readDesired(known.uid, { planeEpoch: 0, revision: 0 })
  if (!isKnown || !first) return [first, await side.agents.readManaged(known.uid, null)]
  const { planeEpoch, revision, managed } = first
  const has = { planeEpoch: planeEpoch.number, revision }
  return [
    await side.agents.readDesired(known.uid, has),
    await side.agents.readManaged(known.uid, managed),
  ]
}

async function renew(side: Side, memory: Memory, view: ClusterView, step: Of<'renewal'>) {
  const known = view.nodes[names[step.node]!]
  if (!known) return null
  const request = leaseRequest(side, memory, view, step)
  const { clusterId } = side
  if (step.what === 'release') {
    const released = { ...request, release: true, armed: false }
    return side.lane.release(clusterId, released, view.settings.timing)
  }
  const renewed = await side.lane.renew([rowOf(clusterId, request, step.known)], true)
  if (renewed.length > 0) return renewed
  return [...(await side.lane.whyNot([{ clusterId, request }]))]
}

function leaseRequest(side: Side, memory: Memory, view: ClusterView, step: Of<'renewal'>) {
  const known = view.nodes[names[step.node]!]!
  const seq = Math.max(1, (memory.seqs[known.uid] ?? 0) + step.seq)
  memory.seqs[known.uid] = Math.max(seq, memory.seqs[known.uid] ?? 0)
  const found = foundOn(view, known.name, 'granted')
  const held = found.map(({ sid, generation }) => ({ sid, generation }))
  const request: LeaseRequest = {
    ...{ clusterUuid: side.clusterUuid, nodeUid: known.uid, seq },
    epoch: Math.max(0, known.lease.epoch + step.epoch),
    bootId: bootId(step.node, step.boot),
    planeEpoch: planeOf(view, step.plane),
    ...{ armed: step.armed, release: false, revision: view.round, lrmState: 'active' },
    mode: step.mode as LeaseRequest['mode'],
    running: step.runs === 'nothing' ? [] : held.map((one) => runningAs(one, step.runs)),
    closed: step.closes && step.runs === 'nothing' ? held : [],
    confirms: step.confirms ? held : [],
    results: [],
  }
  return request
}

function runningAs(one: { sid: string; generation: number }, runs: string) {
  const state = runs === 'granted' ? ('running' as const) : ('unknown' as const)
  return { ...one, state, stable: runs === 'granted' }
}

function rowOf(clusterId: number, request: LeaseRequest, isKnown: boolean): RenewalRow {
  const { running, closed, results, revision, epoch, bootId: boot } = request
  const report = { running, closed, results }
  const digest = JSON.stringify([request.planeEpoch.number, epoch, boot, revision, report])
  return {
    ...{ nodeUid: request.nodeUid, clusterId, epoch, bootId: boot, seq: request.seq },
    planeNumber: request.planeEpoch.number,
    planeUuid: request.planeEpoch.uuid,
    ...{ armed: request.armed, hasConfirms: request.confirms.length > 0, revision },
    ...{ lrmState: request.lrmState, mode: request.mode, digest, confirms: request.confirms },
    report: isKnown ? null : report,
  }
}

const uuidOf = (at: number) => `11111111-2222-4333-8444-00000000000${at}`

/** A device is set up or removed, or the order in force is carried out. */
async function fence(side: Side, view: ClusterView, step: Of<'fence'>) {
  const known = view.nodes[names[step.node]!]
  if (!known) return null
  const name = `feed${step.feed}`
  const expects = { uuid: uuidOf(step.node), serial: null }
  if (step.what === 'device')
    return side.wishes.fenceDevice(known.uid, {
      ...{ name, kind: 'simulated', expects, uid: side.random.uuid() },
    })
  if (step.what === 'undevice') return side.wishes.deleteFenceDevice(known.uid, name)
  const order = known.fenceOrder
  const wanted = { uid: step.isLate ? 'another' : (order?.uid ?? 'none'), epoch: order?.epoch ?? 0 }
  const { clusterId } = side
  const named = { clusterId, node: known.name, epoch: wanted.epoch, order: wanted.uid }
  const task = await side.fences.take(named)
  if (task === null) {
    const on = await side.fences.takeOn(named)
    return on && { ...on, devices: on.devices.map(({ name: device }) => device) }
  }
  const others = [{ ...task.devices[0]!, uid: uuidOf(0) }, ...task.devices.slice(1)]
  const inForce = [task, { ...task, devices: others }].map((one) => side.fences.isInForce(one))
  expect(await Promise.all(inForce)).toEqual([true, false])
  const uuid = uuidOf(step.reads === 'other' ? 9 : step.node)
  const state = step.reads === 'on' ? ('on' as const) : ('off' as const)
  const reading = (askedMs: number) => ({
    ...{ state, identity: { uuid, serial: null }, askedMs, answeredMs: askedMs, at: 'then' },
  })
  await side.fences.report(
    task,
    task.devices.map((device) => ({
      ...{ name: device.name, uid: device.uid, before: 'on', commandedMs: 1, fault: '' },
      readings: [reading(2), reading(5_000)],
    })),
    { sinceTakenMs: step.feed * 1_000, agoMs: step.node * 1_000 },
  )
  // Where the devices are is each side's own.
  const plain = (devices: StoredDevice[]) => devices.map((device) => ({ ...device, options: null }))
  const on = await side.fences.takeOn(named)
  return {
    ...{ ...task, devices: plain(task.devices) },
    on: on && { ...on, devices: plain(on.devices) },
  }
}

/** A round, and in the middle of it, after its view was read, a renewal. */
async function round(
  side: Side,
  memory: Memory,
  clock: SharedClock,
  view: ClusterView,
  { isStale, between }: Of<'round'>,
) {
  let renewal: unknown = null
  const store: typeof side.rounds = {
    ...side.rounds,
    transaction: (work) =>
      side.rounds.transaction((tx) =>
        work({
          ...tx,
          save: async (...args) => {
            // A release would wait for rows that the round holds by then.
            if (between) renewal = await renew(side, memory, view, { ...between, what: 'renew' })
            return tx.save(...args)
          },
        }),
      ),
  }
  const seen = await side.rounds.lastRound(side.clusterId)
  const { witness, random } = side
  const deps = { store, witness, clock, random, replica: 'r1' }
  try {
    const result = await runRound(deps, side.clusterId, isStale ? seen - 1 : seen)
    // Why a plan is thrown away is told by each in its own words.
    return { result: result.kind === 'again' ? { kind: 'again' } : result, renewal }
  } catch {
    return { result: 'failed', renewal }
  }
}
