// Operators who do whatever comes to their mind, sensible or not.
import type { Answer, Operator } from './operator.ts'
import type { Chance } from './random.ts'
import type { World } from './world.ts'

/** @param hasResources every second of those that move live does so in two steps */
export const someSids = (count: number, hasResources = false) =>
  Array.from({ length: count }, (_, at) => {
    const isLive = at % 3 === 2
    const isResource = hasResources && at % 2 === 1
    return `${isLive ? (isResource ? 'ocf' : 'vm') : 'process'}:s${at + 1}`
  })

const kinds = ['enable', 'disable', 'start', 'stop', 'restart', 'migrate', 'relocate'] as const

/** A service as it is added. */
export function newService(sid: string) {
  if (sid.startsWith('ocf:')) return { sid, spec: { agent: 'ocf:heartbeat:Dummy', live: true } }
  return { sid, spec: sid.startsWith('vm:') ? {} : { command: ['x'] } }
}

export function answerText(answer: Answer): string {
  return answer.accepted ? 'accepted' : answer.refusal
}

/** One wish, of any kind. */
export async function randomWish(world: World, operator: Operator, chance: Chance): Promise<void> {
  const names = world.machines.map((machine) => machine.name)
  const sid = chance.pick(world.sids)
  const drawn = chance.float()
  const say: Say = async (what, asked) => {
    const answer = await asked
    world.trace.say('operator', `${what}: ${answerText(answer)}`)
  }
  if (drawn < 0.5) {
    const kind = chance.pick(kinds)
    const isMove = kind === 'migrate' || kind === 'relocate'
    const node = isMove ? chance.pick([...names, 'n99']) : null
    const timeoutMs = kind === 'stop' && chance.chance(0.3) ? chance.below(30_000) : null
    return say(`${kind} ${sid} ${node ?? ''}`, operator.command(kind, sid, node, timeoutMs))
  }
  if (drawn < 0.65) {
    const node = chance.pick([...names, 'n99'])
    const isOn = chance.chance(0.4)
    if (drawn > 0.62) return say(`drill ${node}`, operator.drill(node))
    return say(`maintenance ${node} ${isOn}`, operator.maintenance(node, isOn))
  }
  if (drawn < 0.75) {
    if (!operator.view().services[sid]?.config)
      return say(`add ${sid}`, operator.add(newService(sid)))
    return say(`remove ${sid}`, operator.command('remove', sid))
  }
  if (drawn < 0.85) {
    const requested = chance.pick(['started', 'stopped', 'disabled', 'ignored'] as const)
    return say(`update ${sid} ${requested}`, operator.update(sid, { requested }))
  }
  if (drawn < 0.91) return changeGroups(world, operator, chance, names, say)
  if (drawn < 0.93) return changeProtection(world, operator, chance, say)
  return changeRules(world, operator, chance, names, say)
}

async function changeProtection(world: World, operator: Operator, chance: Chance, say: Say) {
  if (operator.view().disarm !== null) return say('arm', operator.arm())
  const drawn = chance.float()
  if (drawn < 0.3) {
    // A person who vouches for a node has seen that it is off.
    const [name] = Object.keys(operator.view().nodes).filter((node) => !world.node(node).isOn)
    const force = chance.chance(0.5)
    // Who sends it over a network speaks of what was: it is said where it is seen.
    if (name) await say(`confirm ${name} ${force}`, world.operator.confirmDead(name, force))
    return
  }
  if (drawn < 0.5) {
    const mode = chance.pick(['freeze', 'ignore'] as const)
    return say(`disarm ${mode}`, operator.disarm(mode))
  }
  const quorum = chance.pick(['plane', 'majority'] as const)
  const profile = chance.pick(['default', 'fast', 'edge'] as const)
  const wish = drawn < 0.75 ? { quorum } : { profile }
  return say(`settings ${JSON.stringify(wish)}`, operator.settings(wish))
}

type Say = (what: string, asked: Promise<Answer>) => Promise<void>

function changeGroups(world: World, operator: Operator, chance: Chance, names: string[], say: Say) {
  const name = chance.pick(['red', 'blue'])
  const sid = chance.pick(world.sids)
  const group = chance.chance(0.6) ? name : null
  if (chance.chance(0.5))
    return say(`update ${sid} group ${group}`, operator.update(sid, { group }))
  const nodes = Object.fromEntries(
    names.filter(() => chance.chance(0.6)).map((node) => [node, chance.below(3)]),
  )
  const restricted = chance.chance(0.5)
  const wish = { name, nodes, restricted, nofailback: chance.chance(0.3) }
  return say(`group ${JSON.stringify(wish)}`, operator.group(wish))
}

async function changeRules(
  world: World,
  operator: Operator,
  chance: Chance,
  names: string[],
  say: Say,
) {
  const id = chance.pick(['apart', 'together', 'pinned'])
  if (operator.view().rules.some((rule) => rule.id === id))
    return say(`remove rule ${id}`, operator.removeRule(id))
  const resources = world.sids.filter(() => chance.chance(0.3))
  if (resources.length === 0) return
  const common = { id, resources, disabled: false, comment: '' }
  if (id === 'pinned') {
    const nodes = Object.fromEntries(
      names.filter(() => chance.chance(0.7)).map((node) => [node, chance.below(3)]),
    )
    const rule = { ...common, type: 'node-affinity' as const, nodes, strict: chance.chance(0.5) }
    return say(`rule ${JSON.stringify(rule)}`, operator.rule(rule))
  }
  const affinity = id === 'apart' ? ('negative' as const) : ('positive' as const)
  const rule = { ...common, type: 'resource-affinity' as const, affinity }
  return say(`rule ${JSON.stringify(rule)}`, operator.rule(rule))
}
