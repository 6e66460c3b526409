// What operators do, under the names of `ha-manager`: each wish goes through the intake, and is accepted or refused.
import type { CommandKind } from '../../control-plane/cluster/view.ts'
import { requestedStates } from '../../shared/service.ts'
import type { Answer } from '../sim/operator.ts'
import { readGroup, readRule, readService, serviceUpdate, settingWish } from './declarations.ts'
import type { Stage } from './stage.ts'
import type { Words } from './words.ts'

/** Does it, and says what was answered. */
export type Wish = (stage: Stage) => Answer | Promise<Answer>
type WishWord = { usage: string; read(words: Words): Wish }

const clusterId = 1

const command = (kind: CommandKind): WishWord => ({
  usage: `${kind} SID`,
  read: (words) => {
    const sid = words.sid()
    return (stage) => stage.noteCommand(stage.world.operator.command(kind, sid), `${kind} ${sid}`)
  },
})

const move = (kind: 'migrate' | 'relocate'): WishWord => ({
  usage: `${kind} SID NODE`,
  read: (words) => {
    const sid = words.sid()
    const node = words.node()
    return (stage) =>
      stage.noteCommand(stage.world.operator.command(kind, sid, node), `${kind} ${sid}`)
  },
})

export const wishes: Record<string, WishWord> = {
  add: {
    usage: 'add SID started|stopped|disabled|ignored [on NODE] [group G] …, as: service',
    read: (words) => {
      const { wish, node } = readService(words)
      return ({ world }) => world.operator.add(wish, node)
    },
  },
  set: {
    usage: 'set SID started|stopped|disabled|ignored, or: set SID group G, max-restart 2, …',
    read: (words) => {
      const sid = words.sid()
      const requested = requestedStates.find((state) => words.take(state))
      const wish = requested ? { requested } : serviceUpdate(words)
      return ({ world }) => world.operator.update(sid, wish)
    },
  },
  enable: command('enable'),
  disable: command('disable'),
  start: command('start'),
  restart: command('restart'),
  remove: command('remove'),
  stop: {
    usage: 'stop SID [timeout 10s]',
    read: (words) => {
      const sid = words.sid()
      const timeoutMs = words.take('timeout') ? words.duration('the timeout') : null
      return (stage) =>
        stage.noteCommand(stage.world.operator.command('stop', sid, null, timeoutMs), `stop ${sid}`)
    },
  },
  migrate: move('migrate'),
  relocate: move('relocate'),
  maintenance: {
    usage: 'maintenance NODE on|off',
    read: (words) => {
      const node = words.node()
      const isOn = words.oneOf('the wish', ['on', 'off']) === 'on'
      return (stage) =>
        stage.noteCommand(
          stage.world.operator.maintenance(node, isOn),
          `maintenance ${node} ${isOn ? 'on' : 'off'}`,
        )
    },
  },
  drill: {
    usage: 'drill NODE',
    read: (words) => {
      const node = words.node()
      return (stage) => stage.noteCommand(stage.world.operator.drill(node), `drill ${node}`)
    },
  },
  disarm: {
    usage: 'disarm freeze|ignore',
    read: (words) => {
      const mode = words.oneOf('the mode', ['freeze', 'ignore'])
      return (stage) => stage.noteCommand(stage.world.operator.disarm(mode), 'disarm')
    },
  },
  arm: {
    usage: 'arm',
    read: () => (stage) => stage.noteCommand(stage.world.operator.arm(), 'arm'),
  },
  'remove-node': {
    usage: 'remove-node NODE',
    read: (words) => {
      const node = words.node()
      return (stage) => betweenRounds(stage, () => stage.world.operator.removeNode(node))
    },
  },
  'fence-confirm': {
    usage: 'fence-confirm NODE [force]',
    read: (words) => {
      const node = words.node()
      const force = words.take('force')
      return (stage) => betweenRounds(stage, () => stage.world.operator.confirmDead(node, force))
    },
  },
  group: {
    usage: 'group GROUP [restricted] [nofailback] on n1:2 n2',
    read: (words) => {
      const group = readGroup(words)
      return ({ world }) => world.operator.group(group)
    },
  },
  'remove-group': {
    usage: 'remove-group GROUP',
    read: (words) => {
      const name = words.next('the name of a group')
      return ({ world }) => world.operator.removeGroup(name)
    },
  },
  rule: {
    usage: 'rule RULE [disabled] together|apart SID…, or: rule RULE [strict] affinity SID… on n1',
    read: (words) => {
      const rule = readRule(words)
      return ({ world }) => world.operator.rule(rule)
    },
  },
  'remove-rule': {
    usage: 'remove-rule RULE',
    read: (words) => {
      const id = words.next('the name of a rule')
      return ({ world }) => world.operator.removeRule(id)
    },
  },
  setting: {
    usage: 'setting quorum majority, or: setting timing.leaseMs 30000',
    read: (words) => {
      const wish = settingWish(words)
      return ({ world }) => world.operator.settings(wish)
    },
  },
}

/** What takes the row of the round waits until no round is under way. */
async function betweenRounds(stage: Stage, act: () => Promise<Answer>): Promise<Answer> {
  while (stage.world.database.memory.isElected(clusterId)) await stage.pass(1)
  return act()
}
