// A disarmed cluster, as its agents live through it: the watchdog goes only after the commit, nothing is touched meanwhile,
// and what an epoch can no longer prove gets a new one when the cluster is armed (D8, D9, rules 9, 11, 12).
import { describe, expect, test } from 'vitest'
import type { LrmEvent } from '../../agent/lrm/decide/effect.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { Steps, desired, order, plane, resumed, sid as web } from './steps.ts'
import { World } from './world.ts'

const sid = 'process:a'
const renewals = (world: World): LeaseRequest[] =>
  world.done.flatMap((effect) => (effect.kind === 'renew' ? [effect.request] : []))
const kinds = (world: World) => world.done.map(({ kind }) => kind)

function running(): World {
  const world = new World()
  world.run1s()
  world.plane.grant(sid)
  world.run1s()
  expect(world.host.get(sid)).toBe(1)
  world.done = []
  return world
}

function disarm(world: World, state: 'freeze' | 'ignored' = 'freeze'): void {
  world.plane.mode = 'disarm'
  world.plane.order(sid, state)
}

function arm(world: World): void {
  world.plane.mode = 'active'
  world.plane.order(sid, 'started')
}

describe('being disarmed', () => {
  test.each(['freeze', 'ignored'] as const)(
    'a node lets go of its watchdog once that is committed, and says so; what is %s runs on',
    (state) => {
      const world = running()
      disarm(world, state)
      world.run1s(2)
      const asked = renewals(world).find(({ release }) => release)
      expect(asked).toMatchObject({ mode: 'disarm', armed: false })
      expect(renewals(world).at(-1)).toMatchObject({
        ...{ mode: 'disarm', armed: false, release: false, lrmState: 'wait_for_agent_lock' },
        running: [{ sid, state: 'running' }],
      })
      expect(world.device.running).toBe(false)
      expect(world.host.get(sid)).toBe(1)
      expect(kinds(world)).not.toContain('stop')
      expect(world.breaches).toEqual([])
    },
  )

  test('keeps its watchdog until its own services are frozen (D9)', () => {
    const world = running()
    world.plane.mode = 'disarm'
    world.plane.revision++
    world.run1s(3)
    expect(renewals(world).some(({ release }) => release)).toBe(false)
    expect(world.device.running).toBe(true)
    world.plane.order(sid, 'freeze')
    world.run1s()
    expect(world.device.running).toBe(false)
  })

  test('stops nothing when it then loses its lease: nobody concludes anything from its silence', () => {
    const world = running()
    disarm(world)
    world.run1s(2)
    world.cut(60_000)
    expect(world.host.get(sid)).toBe(1)
    expect(world.boot).toBe(1)
    expect(kinds(world)).not.toContain('stop')
    expect(world.breaches).toEqual([])
  })

  test('touches nothing that was started, moved here or ended by hand', () => {
    const world = running()
    disarm(world, 'ignored')
    world.run1s(2)
    world.host.set('process:byhand', 5)
    world.run1s(20)
    world.host.delete(sid)
    world.run1s(20)
    expect([...world.host]).toEqual([['process:byhand', 5]])
    expect(kinds(world)).not.toContain('start')
    expect(kinds(world)).not.toContain('stop')
    expect(renewals(world).at(-1)!.closed).toEqual([])
  })

  test('what was brought back by hand after it had ended here for good is left alone, also by a process that knows no orders yet', () => {
    const world = running()
    world.plane.order(sid, 'request_stop')
    world.run1s(2)
    expect(world.host.has(sid)).toBe(false)
    world.plane.order('process:other', 'ignored')
    disarm(world, 'ignored')
    world.run1s(2)
    world.host.set(sid, 1)
    world.run1s(20)
    world.done = []
    world.crash()
    world.run1s(5)
    expect(world.host.get(sid)).toBe(1)
    expect(kinds(world)).not.toContain('stop')
  })

  test('a new process of it finds what runs, says so, and lets go again', () => {
    const world = running()
    disarm(world)
    world.run1s(2)
    world.crash()
    world.run1s(3)
    expect(world.device.running).toBe(false)
    expect(renewals(world).at(-1)).toMatchObject({ mode: 'disarm', armed: false })
    expect(world.host.get(sid)).toBe(1)
    expect(world.breaches).toEqual([])
  })

  test.each(['restart', 'shutdown', 'reboot'] as const)(
    'asked to end (%s) it leaves what runs to whoever asked',
    (signal) => {
      const world = running()
      disarm(world)
      world.run1s(2)
      world.decide([{ kind: 'signal', signal }])
      world.run1s(2)
      expect(world.exited).toBe(0)
      expect(world.host.get(sid)).toBe(1)
      expect(kinds(world)).not.toContain('stop')
    },
  )

  test('a device that cannot be closed is fed on without a lease: it must not reset what was let go', () => {
    const steps = Steps.running()
    steps.device.canClose = false
    steps.lrm.watchdog.canClose = false
    steps.orders(desired([order({ state: 'freeze' })], { revision: 11, mode: 'disarm' }))
    for (let i = 0; i < 5 && !steps.lrm.released; i++) {
      steps.nowMs += 100
      steps.tell()
      const sent = steps.lrm.renewal.inFlight
      if (sent) steps.grant({ released: sent.release, unguarded: true })
    }
    expect(steps.lrm.released).toBe(true)
    let fedMs = steps.nowMs
    for (let i = 0; i < 300; i++) {
      steps.nowMs += 1_000
      const effects = steps.tell()
      const fed = effects.some(({ kind }) => kind === 'feed')
      if (fed) fedMs = steps.nowMs
      expect(steps.nowMs - fedMs).toBeLessThan(10_000)
      expect(effects.some(({ kind }) => kind === 'stop')).toBe(false)
    }
  })
})

describe('being armed again', () => {
  test('takes a new epoch, which adopts what runs, is armed, and confirms it; nothing is stopped (D8)', () => {
    const world = running()
    disarm(world)
    world.run1s(2)
    const { epoch } = world.plane
    arm(world)
    world.run1s(3)
    expect(world.plane.epoch).toBe(epoch + 1)
    expect(world.plane.guarded).toBe(true)
    expect(world.device.running).toBe(true)
    expect(world.host.get(sid)).toBe(1)
    expect(world.plane.confirmed.has(`${epoch + 1}/1/${sid}/1`)).toBe(true)
    expect(kinds(world)).not.toContain('stop')
    expect(world.breaches).toEqual([])
  })

  test('says nothing at all in the old epoch, whose watchdog was let go', () => {
    const world = running()
    disarm(world)
    world.run1s(2)
    const { epoch } = world.plane
    world.done = []
    arm(world)
    world.run1s(3)
    const inOld = renewals(world).filter((request) => request.epoch === epoch)
    expect(inOld.every(({ mode, armed }) => mode === 'disarm' && !armed)).toBe(true)
  })

  test('an empty node takes a new epoch, too, and is protected from its first service on', () => {
    const world = new World()
    world.run1s()
    world.plane.mode = 'disarm'
    world.plane.revision++
    world.run1s(2)
    const { epoch } = world.plane
    world.plane.mode = 'active'
    world.plane.revision++
    world.run1s(2)
    world.plane.grant(sid)
    world.run1s(2)
    expect(world.plane.epoch).toBe(epoch + 1)
    expect(world.plane.guarded).toBe(true)
    expect(world.host.get(sid)).toBe(1)
    expect(world.breaches).toEqual([])
  })

  test('a node whose release was committed without its hearing of it takes a new epoch, too', () => {
    const world = running()
    disarm(world)
    for (let tick = 0; tick < 40 && !world.plane.released; tick++) {
      const index = world.pending.findIndex(
        ({ effect }) => effect.kind !== 'poll' || effect.revision !== world.plane.revision,
      )
      const { effect } = world.pending[index] ?? {}
      if (index < 0) world.pass(50)
      else if (effect?.kind === 'renew' && effect.request.release) {
        world.plane.renew(effect.request, world.nowMs)
        world.finish(index, 'fail')
      } else world.finish(index)
    }
    expect(world.device.running).toBe(true)
    const { epoch } = world.plane
    arm(world)
    world.run1s(3)
    expect(world.plane.epoch).toBe(epoch + 1)
    expect(world.plane.guarded).toBe(true)
    expect(world.host.get(sid)).toBe(1)
    expect(world.boot).toBe(1)
    expect(world.breaches).toEqual([])
  })

  test('starts nothing before its new epoch has confirmed it', () => {
    const world = running()
    disarm(world)
    world.run1s(2)
    world.host.delete(sid)
    world.run1s(20)
    arm(world)
    world.run1s(3)
    // Not found when it was asked: that generation is ended for good, and never started again.
    expect(world.disk.journal?.closed[sid]).toBe(1)
    expect(kinds(world)).not.toContain('start')
    expect(world.breaches).toEqual([])
  })
})

describe('what is left over of a service, on a node that was released and has no epoch', () => {
  const epoch = { number: 1, seqReserved: 10_000, planeNumber: plane.number } as const
  const leftover: LrmEvent = {
    kind: 'surveyed',
    found: [
      { sid: web, generation: 7, state: 'unknown' },
      { sid: 'process:other', generation: 3, state: 'running' },
    ],
  }

  function released(): Steps {
    const journal = { epoch: { ...epoch, state: 'released' as const } }
    const steps = new Steps(resumed({ journal, running: false }))
    steps.tell()
    steps.tell(leftover)
    return steps
  }

  test('is left alone while the cluster is disarmed', () => {
    const steps = released()
    steps.orders(desired([], { mode: 'disarm' }))
    for (let i = 0; i < 60; i++) {
      steps.nowMs += 1_000
      steps.tell()
    }
    expect(steps.kinds()).not.toContain('stop')
  })

  test('is cleaned up once the cluster is armed, so that the node gets an epoch; nothing else is touched', () => {
    const steps = released()
    steps.orders(desired([], { mode: 'disarm' }))
    steps.orders(desired([], { revision: 11 }))
    const stops = steps.all.filter((effect) => effect.kind === 'stop')
    expect(stops).toMatchObject([{ sid: web, generation: 7 }])
    steps.tell({ kind: 'stopped', sid: web, generation: 7, outcome: 'ok', detail: '' })
    const questions = [{ sid: web, generation: 7 }]
    const answer = { status: 'challenge' as const, nonce: 'n', questions, planeEpoch: plane }
    steps.tell({ kind: 'epoch-answered', answer })
    steps.nowMs += 5_000
    steps.tell()
    steps.tell({ kind: 'surveyed', found: leftover.found.slice(1) })
    expect(steps.last('ask-epoch')).toMatchObject({
      ...{ nonce: 'n' },
      found: [
        { sid: 'process:other', generation: 3, state: 'running' },
        { sid: web, generation: 7, state: 'stopped' },
      ],
    })
    expect(steps.all.filter((effect) => effect.kind === 'stop')).toHaveLength(1)
  })
})
