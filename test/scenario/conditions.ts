// What can be expected of a world: each condition is a sentence that holds or says how things are instead.
import { formatChange } from '../../control-plane/cluster/change.ts'
import type { NodeView } from '../../control-plane/cluster/view.ts'
import { evidenceKinds } from '../../control-plane/store/schema/grant.ts'
import { nodeStates } from '../../shared/node.ts'
import { unsettled } from '../sim/settled.ts'
import { alternatives, type Condition, keys, unless } from './condition.ts'
import { ofService } from './service-conditions.ts'
import type { Stage } from './stage.ts'
import type { Words } from './words.ts'

export const conditionUsage =
  'SID running|not running|state|note|failed|fallback|starts|moves|requested …, node NODE …, cluster …, command …, evidence …, [no] change TEXT, settled'

/** Reads one condition, and leaves what follows it. */
export function readCondition(words: Words): Condition {
  if (words.take('node')) return ofNode(words)
  if (words.take('cluster')) return ofCluster(words)
  if (words.take('command')) return ofCommand(words)
  if (words.take('evidence')) return ofEvidence(words, true)
  if (words.take('no', 'evidence')) return ofEvidence(words, false)
  if (words.take('change')) return ofChange(words, true)
  if (words.take('no', 'change')) return ofChange(words, false)
  if (words.take('settled')) return ({ world }) => unsettled(world)[0] ?? null
  return ofService(words)
}

// ── nodes ────────────────────────────────────────────────────────────────────────────────────────────────────────

type OfNode = (node: NodeView, stage: Stage) => string | null

function ofNode(words: Words): Condition {
  const name = words.node()
  const what = words.oneOf('what is expected of it', [
    ...(['state', 'note', 'power', 'watchdog', 'mode', 'unknown'] as const),
  ])
  const of =
    (judge: OfNode): Condition =>
    (stage) => {
      const node = stage.world.operator.view().nodes[name]
      return node ? judge(node, stage) : `there is no node ${name}`
    }
  switch (what) {
    case 'unknown':
      return ({ world }) => unless(!world.operator.view().nodes[name], `there is a node ${name}`)
    case 'state': {
      const states = alternatives(words, () => words.oneOf('a state', keys(nodeStates)))
      return of(({ state }) => unless(states.includes(state), `node ${name} is ${state}`))
    }
    case 'note': {
      const text = words.rest('the text')
      return of(({ note }) => unless(note.includes(text), `its note is "${note}"`))
    }
    case 'mode': {
      const mode = words.next('a mode')
      return of(({ lease }) => unless(lease.mode === mode, `its mode is ${lease.mode}`))
    }
    case 'power': {
      const wanted = words.oneOf('its power', ['on', 'off'])
      return ({ world }) => {
        const now = world.node(name).isOn ? 'on' : 'off'
        return unless(now === wanted, `node ${name} is ${now}`)
      }
    }
    case 'watchdog': {
      const wanted = words.oneOf('its watchdog', ['running', 'closed'])
      return ({ world }) => {
        const now = world.node(name).device.isRunning ? 'running' : 'closed'
        return unless(now === wanted, `its watchdog is ${now}`)
      }
    }
  }
}

// ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────

const clusterWords = {
  quorate: (stage) => unless(viewOf(stage).quorate, 'it is not quorate'),
  'not-quorate': (stage) => unless(!viewOf(stage).quorate, 'it is quorate'),
  quarantine: (stage) => unless(isInQuarantine(stage), 'it is not in quarantine'),
  'no-quarantine': (stage) => unless(!isInQuarantine(stage), 'it is in quarantine'),
  armed: (stage) => unless(viewOf(stage).disarm === null, 'it is not armed'),
  disarmed: (stage) => unless(viewOf(stage).disarm?.state === 'disarmed', 'it is not disarmed'),
} satisfies Record<string, Condition>

const viewOf = ({ world }: Stage) => world.operator.view()
const isInQuarantine = (stage: Stage) => viewOf(stage).planeEpoch.quarantineUntilMs !== null

function ofCluster(words: Words): Condition {
  if (words.take('plane-epoch')) {
    const wanted = words.number('its number')
    return (stage) => {
      const { number } = viewOf(stage).planeEpoch
      return unless(number === wanted, `the plane epoch is ${number}`)
    }
  }
  return clusterWords[words.oneOf('what is expected of it', keys(clusterWords))]
}

/** The newest command of that kind about that service, node or the cluster. */
function ofCommand(words: Words): Condition {
  const kind = words.next('a command')
  const about: string[] = [kind]
  const statuses = ['pending', 'running', 'done', 'failed', 'refused'] as const
  while (!words.isOver && !statuses.includes(words.peek() as 'done'))
    about.push(words.next('a word'))
  const status = words.oneOf('its status', statuses)
  const text = words.take('because') ? words.rest('the reason') : ''
  return ({ commands }) => {
    const last = commands.findLast((command) => command.about === about.join(' '))
    if (!last) return `nobody commanded ${about.join(' ')}`
    return unless(
      last.status === status && last.why.includes(text),
      `it is ${last.status}: ${last.why}`,
    )
  }
}

function ofEvidence(words: Words, isWanted: boolean): Condition {
  const kind = words.peek() === 'about' ? null : words.oneOf('its kind', evidenceKinds)
  words.need('about')
  const subject = words.next('a node or service')
  return ({ changes }) => {
    const found = changes.some(
      (change) =>
        change.kind === 'evidence.recorded' &&
        (kind === null || change.evidence === kind) &&
        (change.node === subject || change.scope?.sid === subject),
    )
    return unless(found === isWanted, isWanted ? 'there is none' : 'there is')
  }
}

function ofChange(words: Words, isWanted: boolean): Condition {
  const text = words.rest('a part of its line')
  return ({ changes }) => {
    const found = changes.map(formatChange).find((line) => line.includes(text))
    if (isWanted) return unless(found, 'no change says so')
    return found ? `a change says: ${found}` : null
  }
}
