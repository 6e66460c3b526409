// Automatic rebalancing, over drawn clusters: it improves what it touches, keeps the rules, and comes to rest.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { applyPlan } from '../../control-plane/cluster/apply.ts'
import type { Plan } from '../../control-plane/cluster/plan.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { startDraft } from '../../control-plane/crm/decide/draft.ts'
import { loadsOf } from '../../control-plane/crm/decide/scores.ts'
import { place } from '../../control-plane/crm/decide/place.ts'
import { imbalanceOf, nodeLoads } from '../../control-plane/crm/decide/usage/imbalance.ts'
import { nominalRoundMs } from '../../shared/scheduling.ts'
import type { Rule } from '../../shared/rule.ts'
import { aService, buildView, nowMs } from './build-view.ts'
import { GB, movesIn, node, scheduling, uneven } from './unevenly.ts'

const aCluster = fc
  .record({
    uses: fc.array(fc.record({ on: fc.nat(3), cpus: fc.nat(4), memory: fc.nat(4) }), {
      minLength: 2,
      maxLength: 12,
    }),
    pairs: fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.boolean()), { maxLength: 3 }),
    method: fc.constantFrom('bruteforce' as const, 'topsis' as const),
    margin: fc.constantFrom(0, 0.1, 0.3),
    threshold: fc.constantFrom(0, 0.2),
  })
  .map(({ uses, pairs, method, margin, threshold }) => {
    const sid = (index: number) => `process:s${String(index % uses.length).padStart(2, '0')}`
    const rules = pairs
      .filter(([a, b]) => sid(a) !== sid(b))
      .map(
        ([a, b, isTogether], index): Rule => ({
          ...{ id: `r${index}`, type: 'resource-affinity', disabled: false, comment: '' },
          affinity: isTogether ? 'positive' : 'negative',
          resources: [sid(a), sid(b)],
        }),
      )
    const services = uses.map(({ on, cpus, memory }, index) => ({
      ...aService(sid(index), `n${on}`),
      usage: { cpus, memoryBytes: memory * GB },
    }))
    const settings = { scheduling: { ...scheduling, method, margin, threshold } }
    return measured(
      buildView({
        nodes: ['n0', 'n1', 'n2', 'n3'].map((n) => node(n, 0)),
        services,
        rules,
        settings,
      }),
    )
  })

test('figures of before the last move move nothing back: each node must have been measured since', () => {
  const measuredMs = (agoMs: number): ClusterView => {
    const view = uneven()
    for (const one of Object.values(view.nodes)) one.usageMs = nowMs - agoMs
    // Since 10 s nothing moves any more; looked at for the first time in this round.
    return { ...view, imbalancedSinceMs: nowMs - nominalRoundMs, lastRoundMs: nowMs - 15_000 }
  }
  expect(movesIn(decide(measuredMs(0)))).not.toEqual([])
  expect(movesIn(decide(measuredMs(1)))).toEqual([])
  const stale = measuredMs(0)
  stale.nodes.n3!.usageMs = nowMs - 11_000
  expect(movesIn(decide(stale))).toEqual([])
})

/** As the agents will measure it: each node uses what its services use. */
function measured(view: ClusterView): ClusterView {
  for (const one of Object.values(view.nodes)) one.usage = { cpus: 0, memoryBytes: 0 }
  for (const { status, usage } of Object.values(view.services)) {
    const total = view.nodes[status!.node!]!.usage!
    total.cpus += usage!.cpus
    total.memoryBytes += usage!.memoryBytes
  }
  return view
}

/** The view once every move of it has been carried out. */
function afterMoves(view: ClusterView, plan: Plan): ClusterView {
  const after = structuredClone(applyPlan(view, plan))
  for (const { status, grant } of Object.values(after.services)) {
    if (status?.state !== 'relocate') continue
    Object.assign(status, { state: 'started', node: status.target, target: null, running: true })
    grant!.holders[0]!.node = status.node!
  }
  return measured(after)
}

const imbalance = (view: ClusterView) => imbalanceOf(nodeLoads(loadsOf(startDraft(view))))

test('every move improves by the margin, breaks no rule, and after finitely many there is none', () => {
  fc.assert(
    fc.property(aCluster, (start) => {
      // Whatever the rules move first is none of balancing's business.
      let view = start
      for (let round = 0; round < 60; round++) {
        const isKept = (sid: string) => place(startDraft(view), sid, 'stay').node
        const isSettled = Object.values(view.services).every(
          ({ sid, status }) => (isKept(sid) ?? status!.node) === status!.node,
        )
        const plan = decide({ ...view, imbalancedSinceMs: null })
        const moved = movesIn(plan)
        if (isSettled) {
          if (moved.length === 0) return
          const next = afterMoves(view, plan)
          const gain = (imbalance(view) - imbalance(next)) / imbalance(view)
          expect(gain).toBeGreaterThan(view.settings.scheduling.margin - 1e-9)
          expect(gain).toBeGreaterThan(0)
          const draft = startDraft(next)
          for (const move of moved) {
            const [sid, target] = move.split(' ') as [string, string]
            expect(place(draft, sid, 'stay').node).toBe(target)
          }
          view = next
        } else if (moved.length === 0)
          return // no rule can be kept any better
        else view = afterMoves(view, plan)
      }
      expect.unreachable('it never comes to rest')
    }),
    { numRuns: 150 },
  )
})
