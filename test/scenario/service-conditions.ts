// What can be expected of a service: where it really runs, and what the CRM thinks of it.
import type { ServiceView } from '../../control-plane/cluster/view.ts'
import { serviceStates } from '../../shared/service.ts'
import { alternatives, type Condition, keys, unless } from './condition.ts'
import type { Words } from './words.ts'

export function ofService(words: Words): Condition {
  const sid = words.sid()
  if (words.take('not', 'running')) return runsNowhere(sid)
  if (words.take('running')) return runs(words, sid)
  if (words.take('starts')) return tried(words, sid, 'start')
  if (words.take('moves')) return tried(words, sid, 'migrate')
  if (words.take('unmanaged'))
    return ({ world }) => unless(!world.operator.view().services[sid]?.status, `${sid} is managed`)
  return ofStatus(sid, readStatus(words))
}

/** How often agents tried that, however it went. */
function tried(words: Words, sid: string, what: 'start' | 'migrate'): Condition {
  const wanted = words.number('how many')
  return ({ tries }) => {
    const times = tries[what].get(sid) ?? 0
    return unless(times === wanted, `agents tried ${times} times`)
  }
}

function runs(words: Words, sid: string): Condition {
  const nodes = words.take('on') ? alternatives(words, () => words.node()) : null
  return ({ world }) => {
    const there = world.machines.filter(
      ({ guests }) => guests.running.get(sid)?.state === 'running',
    )
    const isSo = there.some(({ name }) => nodes === null || nodes.includes(name))
    return unless(isSo, `${sid} runs ${there[0] ? `on ${there[0].name}` : 'nowhere'}`)
  }
}

/** Not even something of it. */
function runsNowhere(sid: string): Condition {
  return ({ world }) => {
    const node = world.running()[sid]
    return unless(node === undefined, `${sid} runs on ${node}`)
  }
}

type OfService = (service: ServiceView) => string | null

function ofStatus(sid: string, judge: OfService): Condition {
  return ({ world }) => {
    const service = world.operator.view().services[sid]
    return service ? judge(service) : `there is no service ${sid}`
  }
}

function readStatus(words: Words): OfService {
  const what = words.oneOf('what is expected of it', [
    ...(['state', 'note', 'failed', 'fallback', 'requested', 'held'] as const),
  ])
  switch (what) {
    case 'state': {
      const states = alternatives(words, () => words.oneOf('a state', keys(serviceStates)))
      const node = words.take('on') ? words.node() : null
      return ({ sid, status }) => {
        const isThere = node === null || status?.node === node
        const isSo = status !== null && states.includes(status.state) && isThere
        return unless(isSo, `${sid} is in state ${status?.state ?? 'none'} on ${status?.node}`)
      }
    }
    case 'note': {
      const text = words.rest('the text')
      return ({ status }) => unless(status?.note.includes(text), `its note is "${status?.note}"`)
    }
    case 'failed': {
      const nodes = words.take('nowhere') ? [] : words.rest('nodes, or nowhere').split(' ')
      return ({ status }) => {
        const failed = status?.failedNodes ?? []
        return unless(
          failed.join(' ') === nodes.join(' '),
          `it failed on ${failed.join(' ') || 'none'}`,
        )
      }
    }
    case 'fallback': {
      const node = words.take('none') ? null : words.node()
      return ({ status }) =>
        unless(status?.fallbackNode === node, `it returns to ${status?.fallbackNode ?? 'none'}`)
    }
    case 'requested': {
      const wanted = words.next('a requested state')
      return ({ config }) =>
        unless(config?.requested === wanted, `it is requested ${config?.requested}`)
    }
    case 'held': {
      const nodes = words.take('nowhere') ? [] : words.rest('nodes, or nowhere').split(' ')
      return ({ grant }) => {
        const held = (grant?.holders ?? []).map((holder) => holder.node).sort()
        return unless(
          held.join(' ') === nodes.join(' '),
          `it is held by ${held.join(' ') || 'nobody'}`,
        )
      }
    }
  }
}
