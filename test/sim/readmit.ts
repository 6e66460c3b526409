// What people do about a machine that was installed anew: they take its old node off the roster as soon as nothing can be
// running on it, and the machine, which asks again and again, joins under its name.
import type { Identity } from '../../agent/identity.ts'
import type { Machine } from './machine.ts'
import { identityPath } from './machine-parts.ts'
import type { World } from './world.ts'

/** Nothing is left of what it was, and maybe it is another machine by now: it boots as one that has never joined. */
export function reinstall(machine: Machine, isOtherHardware: boolean, againMs: number): void {
  machine.powerOff('installed anew', againMs)
  machine.loseHome('everything')
  machine.guests.gatesOnDisk.clear()
  if (isOtherHardware) machine.hardwareId += ' anew'
}

/** Who it believes that it is; null: it has not joined. */
function nodeUid({ disk }: Machine): string | null {
  const text = disk.read(identityPath)
  return text === null ? null : (JSON.parse(text) as Identity).nodeUid
}

/** It is the node of its name. */
export function isMember({ operator }: World, machine: Machine): boolean {
  const uid = nodeUid(machine)
  return uid !== null && operator.view().nodes[machine.name]?.uid === uid
}

/** Does what can be done now, which may be nothing. Returns why its old node may not go, or null. */
export async function readmit(world: World, machine: Machine): Promise<string | null> {
  if (isMember(world, machine)) return null
  const { name } = machine
  // It joined in a history that is no more: nobody knows its credential.
  if (nodeUid(machine) !== null) {
    machine.crashAgent('it is to join anew')
    machine.loseHome('everything')
  }
  if (!world.operator.view().nodes[name]) return null
  const answer = await world.operator.removeNode(name)
  world.trace.say('operator', `remove ${name}: ${answer.accepted ? 'accepted' : answer.refusal}`)
  return answer.accepted ? null : answer.refusal
}

/** Takes away what may stand against it: rules and groups that this node alone can satisfy. */
export async function loosenRules({ operator }: World): Promise<void> {
  const { rules, groups } = operator.view()
  for (const { id } of rules) await operator.removeRule(id)
  for (const group of Object.values(groups))
    if (group.restricted) await operator.group({ ...group, restricted: false })
}
