// What holds for every plan, whatever the view: tried on views out of clusters under random faults.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { event, happen, names, sids } from './events.ts'
import { play } from './play.ts'
import { World } from './world.ts'

/** Views in which something was decided, from a life of faults. */
function someViews(events: Parameters<typeof happen>[1][]): ClusterView[] {
  const views: ClusterView[] = []
  const world = new World(names)
  world.onRound = (view) => {
    if (decide(view).changes.length > 0) views.push(view)
  }
  for (const sid of sids) world.configure(sid, { requested: 'started' })
  world.run(3_000)
  for (const one of events) happen(world, one)
  return views
}

const lives = fc.array(event, { minLength: 3, maxLength: 10 })

/** What waits for proof that a node is dead goes on waiting for it in the state that its failed move leads to. */
const moveThatFailsToADeadNode: (typeof event extends fc.Arbitrary<infer T> ? T : never)[] = [
  { what: 'migrate', node: 0, sid: 4, waitMs: 500 },
  { what: 'off', node: 0, waitMs: 1_001 },
  { what: 'start', node: 0, sid: 0, waitMs: 501 },
]

/** The same record with its keys in the opposite order. */
function reversed<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).reverse())
}

describe('every plan', () => {
  it('settles, may be cut short after any change, and leaves its input alone', () => {
    fc.assert(
      fc.property(lives, (events) => {
        for (const view of someViews(events)) play(view)
      }),
      { numRuns: 12, examples: [[moveThatFailsToADeadNode]] },
    )
  })

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(lives, (events) => {
        for (const view of someViews(events)) {
          const mirrored = {
            ...view,
            nodes: reversed(view.nodes),
            services: reversed(view.services),
            groups: reversed(view.groups),
          }
          expect(decide(mirrored)).toEqual(decide(view))
        }
      }),
      { numRuns: 12 },
    )
  })

  it('opens no second grant, none without a current lease, and takes no watchdog’s word too early or unarmed', () => {
    fc.assert(
      fc.property(lives, (events) => {
        for (const view of someViews(events)) {
          const open = new Set(sids.filter((sid) => view.services[sid]?.grant))
          const epochs = new Map(names.map((name) => [name, view.nodes[name]!.lease.epoch]))
          for (const change of decide(view).changes) {
            if (change.kind === 'lease.revoked') epochs.set(change.node, change.epoch + 1)
            if (change.kind === 'evidence.recorded') {
              if (change.scope) open.delete(change.scope.sid)
              else
                for (const sid of sids)
                  if (view.services[sid]?.grant?.holders[0]?.node === change.node) open.delete(sid)
              if (change.evidence !== 'watchdog-deadline') continue
              expect(change.facts).toMatchObject({ guarded: true })
              expect(change.facts.judgedUntilMs).toBeLessThanOrEqual(view.nowMs)
              expect(change.epoch).toBeLessThan(epochs.get(change.node)!)
            }
            if (change.kind !== 'grant.opened') continue
            expect(open.has(change.sid)).toBe(false)
            open.add(change.sid)
            const { lease } = view.nodes[change.node]!
            expect(lease).toMatchObject({ epoch: change.epoch, bootId: expect.any(String) })
            expect(lease.judgedUntilMs).toBeGreaterThan(view.nowMs)
          }
        }
      }),
      { numRuns: 12 },
    )
  })

  it('starts nothing in quarantine', () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: -5_000, max: 5_000 }), (events, ms) => {
        for (const view of someViews(events)) {
          const planeEpoch = {
            ...view.planeEpoch,
            number: view.planeEpoch.number + 1,
            quarantineUntilMs: view.nowMs + ms,
          }
          const kinds = new Set(
            decide({ ...view, planeEpoch }).changes.map((change) => change.kind),
          )
          expect(kinds.has('grant.opened')).toBe(false)
        }
      }),
      { numRuns: 12 },
    )
  })
})
