// Whoever's document is not made again has the same as before: on clusters under random faults, with live moves, copies
// that nobody granted, disarmed and moved by hand.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { applyPlan } from '../../control-plane/cluster/apply.ts'
import { desiredForAll } from '../../control-plane/cluster/orders.ts'
import type { NodeName } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import {
  type DesiredMemory,
  managedIn,
  nodesToWrite,
  remember,
} from '../../control-plane/store/view/desired-memory.ts'
import { eventOrDisarm, happen, names, sids } from '../decide/events.ts'
import { World } from '../decide/world.ts'

test('a document that is not made again would have come out the same', () => {
  let [left, made] = [0, 0]
  const lives = fc.array(eventOrDisarm, { minLength: 3, maxLength: 12 })
  fc.assert(
    fc.property(lives, (events) => {
      const world = new World(names)
      let memory: DesiredMemory | null = null
      let stored: Record<NodeName, string> = {}
      world.onRound = (view) => {
        const after = applyPlan(view, decide(view))
        const documents = desiredForAll(after)
        const texts: Record<NodeName, string> = {}
        for (const name in documents) texts[name] = JSON.stringify(documents[name])
        const managed = managedIn(memory, after)
        const again = new Set(nodesToWrite(memory, after, stored, managed))
        for (const name in texts) {
          if (!again.has(name))
            expect({ name, text: stored[name] }).toEqual({ name, text: texts[name] })
          if (again.has(name)) made += 1
          else left += 1
        }
        stored = texts
        memory = remember(after, texts, managed)
      }
      for (const sid of sids) world.configure(sid, { requested: 'started' })
      world.run(3_000)
      for (const one of events) happen(world, one)
    }),
    { numRuns: 40 },
  )
  expect(left).toBeGreaterThan(200)
  expect(made).toBeGreaterThan(200)
})
