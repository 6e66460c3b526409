// In one pass everybody is asked who is not at rest when it is their turn, also by what the plan did in this very pass.
import { expect, test } from 'vitest'
import { Agenda } from '../../control-plane/crm/decide/agenda.ts'
import { startDraft } from '../../control-plane/crm/decide/draft.ts'
import { expectAt } from '../../control-plane/crm/decide/partners.ts'
import { restJudge } from '../../control-plane/crm/decide/service-states/at-rest.ts'
import { toState } from '../../control-plane/crm/decide/transition.ts'
import type { Rule } from '../../shared/rule.ts'
import { aService, buildView } from './build-view.ts'

function asked(agenda: Agenda, news: Record<string, string[]>): string[] {
  const order: string[] = []
  for (let sid = agenda.next(); sid !== undefined; sid = agenda.next()) {
    order.push(sid)
    agenda.add(news[sid] ?? [])
  }
  return order
}

test('whose turn is yet to come is asked in this pass, in order and once; whose turn is over is not', () => {
  const agenda = new Agenda(['b', 'd', 'f'])
  expect(asked(agenda, { d: ['a', 'd', 'g', 'e', 'f', 'e', 'b'], e: ['ee', 'h'] })).toEqual([
    ...['b', 'd', 'e', 'ee', 'f', 'g', 'h'],
  ])
})

const rules: Rule[] = [
  {
    ...{ id: 'keep', type: 'resource-affinity', affinity: 'positive', disabled: false },
    ...{ resources: ['process:a', 'process:c'], comment: '' },
  },
  {
    ...{ id: 'part', type: 'resource-affinity', affinity: 'negative', disabled: false },
    ...{ resources: ['process:b', 'process:d'], comment: '' },
  },
]

function draftOf() {
  const places = { 'process:a': 'n1', 'process:b': 'n1', 'process:c': 'n1', 'process:d': 'n2' }
  const services = Object.entries(places).map(([sid, node]) => aService(sid, node))
  return startDraft(buildView({ services, rules }))
}

test('partners of what the plan has changed, or means to move, are asked; nobody else is', () => {
  expect(restJudge(draftOf()).restless()).toEqual([])
  const changed = draftOf()
  toState(changed, 'process:d', 'error', {}, 'it failed')
  expect(restJudge(changed).restless()).toEqual(['process:b', 'process:d'])
  const expected = draftOf()
  expectAt(expected, 'process:a', 'n3')
  expect(restJudge(expected).restless()).toEqual(['process:a', 'process:c'])
})
