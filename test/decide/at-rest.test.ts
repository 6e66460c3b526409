// The quick look at services at rest says no more than the long one: whoever is passed over would not have been changed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { compiledRules } from '../../control-plane/crm/decide/compiled-rules.ts'
import { startDraft } from '../../control-plane/crm/decide/draft.ts'
import { restJudge } from '../../control-plane/crm/decide/service-states/at-rest.ts'
import { stepStarted } from '../../control-plane/crm/decide/service-states/started.ts'
import type { Rule } from '../../shared/rule.ts'
import { aService, buildView } from './build-view.ts'
import { aView, sids } from './random-view.ts'

/** What the long look does to a service: nothing at all, or something. */
function isLeftAlone(view: ClusterView, sid: string): boolean {
  const draft = startDraft(view)
  const service = draft.view.services.get(sid)!
  const { config, status } = service
  stepStarted(draft, { sid, service, config: config!, status: status! })
  return (
    draft.changes.length === 0 &&
    draft.serviceNotes.size === 0 &&
    draft.jobs.length === 0 &&
    draft.nextRoundMs === null
  )
}

test('whoever is at rest is left alone by the long look as well, and whoever is not is asked, whatever is wrong with it or around it', () => {
  let rested = 0
  fc.assert(
    fc.property(aView, (view) => {
      const draft = startDraft(view)
      const { isAtRest, restless } = restJudge(draft)
      const asked = restless()
      expect(asked).toEqual([...asked].sort())
      for (const service of Object.values(view.services)) {
        if (!isAtRest(service)) {
          expect(asked).toContain(service.sid)
          continue
        }
        rested += 1
        expect({ sid: service.sid, alone: isLeftAlone(view, service.sid) }).toEqual({
          sid: service.sid,
          alone: true,
        })
      }
      expect(draft.changes).toEqual([])
    }),
    { numRuns: 3_000 },
  )
  expect(rested).toBeGreaterThan(500)
})

test('most services of a healthy cluster are at rest, under rules too', () => {
  const rules: Rule[] = [
    {
      id: 'keep',
      type: 'resource-affinity',
      affinity: 'positive',
      resources: sids.slice(0, 2),
      disabled: false,
      comment: '',
    },
    {
      id: 'part',
      type: 'resource-affinity',
      affinity: 'negative',
      resources: sids.slice(1, 3),
      disabled: false,
      comment: '',
    },
    {
      id: 'nodes',
      type: 'node-affinity',
      nodes: { n3: 1 },
      strict: true,
      resources: sids.slice(3),
      disabled: false,
      comment: '',
    },
  ]
  const places = ['n1', 'n1', 'n2', 'n3']
  const view = buildView({
    rules,
    services: sids.map((sid, index) => aService(sid, places[index]!)),
  })
  const draft = startDraft(view)
  expect(compiledRules(draft).infeasible.size).toBe(0)
  const { isAtRest } = restJudge(draft)
  expect(Object.values(view.services).map(isAtRest)).toEqual([true, true, true, true])
})
