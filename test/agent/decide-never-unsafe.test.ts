// Whatever happens, in whatever order: the agent's decisions keep the safety contract, and once the faults end the
// orders are carried out. The plane and the machine of the test are the judges, not the agent's own state.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideLrm } from '../../agent/lrm/decide/decide.ts'
import { moves } from './halves.ts'
import { liveSteps, play, sids, steps } from './drawn-schedules.ts'

test('no schedule of answers, faults, crashes and orders breaks the safety contract', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 120 }), (schedule) => {
      expect(play(schedule).breaches).toEqual([])
    }),
    { numRuns: 400 },
  )
})

test('no schedule of live moves breaks it either, and the schedules do begin and end some', () => {
  const seen = { migrate: 0, receive: 0, moved: 0, stayed: 0, sent: 0, 'take-up': 0 }
  fc.assert(
    fc.property(fc.array(liveSteps, { minLength: 10, maxLength: 90 }), (schedule) => {
      const world = play(schedule)
      expect(world.breaches).toEqual([])
      for (const { kind } of world.done)
        if (kind === 'migrate' || kind === 'receive' || kind === 'take-up') seen[kind]++
      seen.sent += world.twoSteps.ever.size
      for (const [uid, outcome] of world.plane.results)
        if (world.begun.has(uid)) seen[outcome === 'ok' ? 'moved' : 'stayed']++
    }),
    { numRuns: 250 },
  )
  for (const [what, count] of Object.entries(seen))
    expect({ what, count }).not.toEqual({ what, count: 0 })
})

test('a decision settles: decided again at once, it asks for nothing more', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80 }), (schedule) => {
      const world = play(schedule)
      // What the last decision emptied may be fed by the next: feeding comes before everything else.
      world.decide([])
      const again = decideLrm(world.lrm, { nowMs: world.nowMs, events: [] })
      expect(again.effects.filter(({ kind }) => kind !== 'exit' && kind !== 'say')).toEqual([])
    }),
    { numRuns: 150 },
  )
})

test('once the faults end, what is ordered to run runs, and what is ordered to stop is stopped and told', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80 }), (schedule) => {
      const world = play(schedule)
      // What a drill has marked is for its boot alone.
      if (world.lrm.journal.drill) world.reset()
      world.plane.endMaintenance()
      world.crash()
      // The CRM's part: what was ended is granted again, what was frozen by a planned stop is thawed.
      for (let second = 0; second < 60; second++) {
        world.run1s()
        for (const one of sids) {
          moves.cancel(world, one)
          moves.back(world, one, true)
          moves.arrived(world, one)
        }
        for (const { sid, generation, state } of [...world.plane.orders.values()])
          if (state === 'freeze' || (state === 'started' && generation === null))
            world.plane.order(sid, 'started', {
              generation: generation ?? world.plane.nextGeneration++,
            })
      }
      expect(world.breaches).toEqual([])
      for (const { sid: one, state, generation, uid } of world.plane.orders.values()) {
        if (state === 'started') expect(world.host.get(one)).toBe(generation)
        if (state === 'request_stop' || state === 'relocate' || state === 'stopped') {
          expect(world.host.has(one)).toBe(false)
          expect(world.plane.results.get(uid)).toBe('ok')
        }
      }
      if (world.host.size === 0 && ![...world.plane.orders.values()].some((o) => o.generation))
        expect(world.device.running).toBe(false)
    }),
    { numRuns: 60 },
  )
})
