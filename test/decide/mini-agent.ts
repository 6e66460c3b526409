// The agent of a world's machine: it does what the protocol asks of it and no more. Counts its lease from sending, confirms
// before it starts, journals what it ends before it says so, closes its watchdog only after a committed release, and
// takes a new epoch where the old one proves nothing any more.
import type { EpochRequestView } from '../../control-plane/cluster/node-words.ts'
import type { OrderResult } from '../../shared/protocol.ts'
import { end, settleHalves } from './live-half.ts'
import type { Machine } from './machine.ts'
import { bootOf } from './mini-renewal.ts'
import type { World } from './world.ts'

type Found = EpochRequestView['found'][number]
type Way = 'leave' | 'freeze' | 'failover' | 'migrate'

export type Agent = {
  epoch: number | null
  planeEpoch: number
  /** Plane epoch under which its epoch was opened. */
  joinedPlane: number
  sentMs: number | null
  nonce: string | null
  confirmed: Set<string>
  results: OrderResult[]
  /** How its own jobs ended, not taken in yet. */
  outcomes: Map<string, OrderResult['outcome']>
  revision: number
  /** The plane committed that its watchdog may be closed. */
  released: boolean
  ending: { way: Way; isReboot: boolean; sinceMs: number } | null
  /** Ending: nothing is left to be told, or to be frozen. */
  isTold: boolean
}

export function newAgent(): Agent {
  return {
    ...{ epoch: null, planeEpoch: 0, joinedPlane: 0, sentMs: null, nonce: null },
    ...{ confirmed: new Set(), results: [], outcomes: new Map(), revision: 0 },
    ...{ released: false, ending: null, isTold: false },
  }
}

export function askEpoch(world: World, machine: Machine, agent: Agent): void {
  const node = world.view.nodes[machine.name]!
  const bootId = bootOf(machine)
  const planeEpoch = world.view.planeEpoch.number
  if (machine.joinedBoot !== machine.boot) closeAll(machine)
  if (node.lease.bootId === bootId && agent.nonce !== null && node.epochRequest === null) {
    if (machine.isDeaf) return
    const { epoch } = node.lease
    machine.joinedBoot = machine.boot
    return void Object.assign(agent, {
      epoch,
      nonce: null,
      joinedPlane: planeEpoch,
      released: false,
    })
  }
  settleHalves(machine, agent)
  const { challenge } = node
  if (!machine.isDeaf) agent.nonce = challenge?.bootId === bootId ? challenge.nonce : null
  const questions = agent.nonce === null ? [] : (challenge?.questions ?? [])
  const found = questions.flatMap(({ sid, generation }) => answerTo(machine, sid, generation))
  // What it answers to be stopped is ended for good, in the journal first.
  for (const { sid, generation, state } of found)
    if (state === 'stopped') end(machine, sid, generation)
  const request = { bootId, sameHardware: true, planeEpoch, nonce: agent.nonce, found }
  world.setNode({ ...node, epochRequest: { ...request, requestedMs: world.view.nowMs } })
}

/** Another generation of the same service is a doubt, never a `stopped`. */
function answerTo({ processes }: Machine, sid: string, generation: number): Found[] {
  const runs = processes.get(sid)
  if (runs === undefined) return [{ sid, generation, state: 'stopped' }]
  if (runs === generation) return [{ sid, generation, state: 'running' }]
  return [
    { sid, generation: runs, state: 'running' },
    { sid, generation, state: 'unknown' },
  ]
}

export function closeAll(machine: Machine): void {
  for (const [sid, generation] of [...machine.processes, ...machine.incoming])
    end(machine, sid, generation)
}
