// Services that fail on demand, as the recording's `fa` services do, and guests that are locked.
import type { Script } from '../sim/behaviour.ts'
import type { World } from '../sim/world.ts'
import { sidHere } from './names.ts'
import type { Where } from './record.ts'
import type { ScenarioFile } from './scenario-file.ts'

/** What an end of its node, proved, takes off a guest (reference 2.18); every other lock stays. */
const ofTheDead =
  'backup mounted migrate clone rollback snapshot snapshot-delete suspending suspended'.split(' ')

/** A machine forgets, when it is off, what could not be stopped there. */
const stuckAgainMs = 1_000

export type Guests = {
  /** The lock of each guest that has one: it is neither started, stopped nor moved. */
  locks: Map<string, string>
  /** The node where its definition is; it can be dealt with there alone. */
  definedOn: Map<string, string>
  /** Where the cluster manager has it. */
  whereIs: (sid: string) => Where | undefined
}

/** Gives each service its script. */
export function behave(world: World, { inputs }: ScenarioFile, guests: Guests): void {
  const { locks, definedOn, whereIs } = guests
  const neverStops = new Map<string, (node: string) => boolean>()
  const failsToMoveOf = new Map<string, (node: string) => boolean>()
  /** Its move by a stop is to fail, with nothing done; until it is known to run as before. */
  const failing = new Set<string>()
  for (const recorded of Object.keys(inputs.services_effective)) {
    const sid = sidHere(recorded)
    const fault = inputs.faults[recorded]
    let startFailures = fault?.start_failures_before_success ?? 0
    let moveFailures = fault?.move_failures_before_success ?? 0
    const only = fault?.only_on_node ?? null
    /** Some fail on one node only. */
    const isThere = (node: string) => only === null || node === only
    const failsToMove = (node: string) => {
      if (moveFailures === 0 || !isThere(node)) return false
      moveFailures -= 1
      return true
    }
    const script: Script = {
      start: (node) => {
        if (locks.has(sid)) return 'fail'
        if (startFailures === 0 || !isThere(node)) return 'ok'
        startFailures -= 1
        return 'fail'
      },
      migrate: (node) => {
        if (locks.has(sid)) return 'refused'
        return failsToMove(node) ? 'fail' : 'ok'
      },
      isElsewhere: (node) => (definedOn.get(sid) ?? node) !== node,
      startMs: 200,
      stopMs: 200,
    }
    world.behaviours.scripts.set(sid, script)
    failsToMoveOf.set(sid, failsToMove)
    if (fault?.stop_always_fails) neverStops.set(sid, isThere)
  }
  const stick = () => {
    for (const { name, guests } of world.machines)
      for (const sid of world.behaviours.scripts.keys())
        if (locks.has(sid) || failing.has(sid) || neverStops.get(sid)?.(name)) guests.stuck.add(sid)
        else guests.stuck.delete(sid)
  }
  const again = () => {
    stick()
    world.at(world.nowMs + stuckAgainMs, again)
  }
  again()
  world.onChange.push(({ change }) => {
    const isRecovered = change.kind === 'service.state' && change.to === 'recovery'
    if (isRecovered && ofTheDead.includes(locks.get(change.sid) ?? '')) locks.delete(change.sid)
    if (change.kind === 'service.changed' && change.set.running) failing.delete(change.sid)
    if (change.kind === 'service.state') {
      const { sid, to } = change
      const node = whereIs(sid)?.node ?? null
      if (to !== 'started') failing.delete(sid)
      if (to === 'relocate' && node !== null && failsToMoveOf.get(sid)?.(node)) failing.add(sid)
      stick()
    }
    // Wherever the manager puts it, its definition goes with it.
    const isPut = change.kind === 'service.state' || change.kind === 'service.changed'
    if (isPut && change.set.node) definedOn.set(change.sid, change.set.node)
  })
}
