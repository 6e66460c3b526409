// Services that fail on demand, as the recording's `fa` services do, and guests that are locked.
import type { Script } from '../sim/behaviour.ts'
import type { World } from '../sim/world.ts'
import { sidHere } from './names.ts'
import type { ScenarioFile } from './scenario-file.ts'

/**
 * Gives each service its script. `locked`: neither started, stopped nor moved while it is in there. `definedOn`: the node
 * where its definition is; it can be dealt with there alone.
 */
export function behave(
  world: World,
  { inputs }: ScenarioFile,
  locked: Set<string>,
  definedOn: Map<string, string>,
): void {
  for (const recorded of Object.keys(inputs.services_effective)) {
    const sid = sidHere(recorded)
    const fault = inputs.faults[recorded]
    let startFailures = fault?.start_failures_before_success ?? 0
    let moveFailures = fault?.move_failures_before_success ?? 0
    const only = fault?.only_on_node ?? null
    /** Some fail on one node only. */
    const isThere = (node: string) => only === null || node === only
    const script: Script = {
      start: (node) => {
        if (locked.has(sid)) return 'fail'
        if (startFailures === 0 || !isThere(node)) return 'ok'
        startFailures -= 1
        return 'fail'
      },
      migrate: (node) => {
        if (locked.has(sid)) return 'refused'
        if (moveFailures === 0 || !isThere(node)) return 'ok'
        moveFailures -= 1
        return 'fail'
      },
      isElsewhere: (node) => (definedOn.get(sid) ?? node) !== node,
      startMs: 200,
      stopMs: 200,
    }
    world.behaviours.scripts.set(sid, script)
    if (fault?.stop_always_fails)
      for (const machine of world.machines) if (isThere(machine.name)) machine.guests.stuck.add(sid)
  }
  // A lock is of whoever worked on the guest there: it goes with the node that is proved dead.
  world.onChange.push(({ change }) => {
    if (change.kind === 'service.state' && change.to === 'recovery') locked.delete(change.sid)
    // Wherever the manager puts it, its definition goes with it.
    const isPut = change.kind === 'service.state' || change.kind === 'service.changed'
    if (isPut && change.set.node) definedOn.set(change.sid, change.set.node)
  })
}
