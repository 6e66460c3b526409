// A machine that goes down, by policy (reference 2.11): freeze, failover, migrate; what its agent says meanwhile, what it
// waits for, and what it never does: leave with an open device and nothing running, or with a closed one and a service.
import { describe, expect, test } from 'vitest'
import { firstSettings } from '../../agent/lrm/decide/resume.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import type { ShutdownPolicy } from '../../shared/settings.ts'
import { desired, order, sid as web, Steps } from './steps.ts'
import { World } from './world.ts'

const sid = 'process:a'
const renewals = (world: World): LeaseRequest[] =>
  world.done.flatMap((effect) => (effect.kind === 'renew' ? [effect.request] : []))
const kinds = (world: World) => world.done.map(({ kind }) => kind)

function running(shutdownPolicy: ShutdownPolicy): World {
  const world = new World()
  world.plane.settings = { ...firstSettings, shutdownPolicy }
  world.run1s()
  world.plane.grant(sid)
  world.run1s()
  expect(world.host.get(sid)).toBe(1)
  world.done = []
  return world
}

type Told = 'shutdown' | 'reboot' | 'restart'
const tell = (world: World, signal: Told) => world.decide([{ kind: 'signal', signal }])
const lastMode = (world: World) => renewals(world).at(-1)!.mode

describe('what the agent says', () => {
  test.each([
    ['conditional', 'reboot', 'restart'],
    ['conditional', 'shutdown', 'shutdown'],
    ['freeze', 'reboot', 'restart'],
    ['freeze', 'shutdown', 'restart'],
    ['failover', 'reboot', 'shutdown'],
    ['failover', 'shutdown', 'shutdown'],
    ['migrate', 'reboot', 'maintenance'],
    ['migrate', 'shutdown', 'maintenance'],
    ['migrate', 'restart', 'restart'],
    ['failover', 'restart', 'restart'],
  ] as const)('under %s, told %s, is %s', (policy, told, mode) => {
    const world = running(policy)
    tell(world, told)
    world.settle()
    world.run1s()
    expect(lastMode(world)).toBe(mode)
    expect(kinds(world).includes('stop')).toBe(
      mode === 'shutdown' || (told !== 'restart' && mode === 'restart'),
    )
    expect(world.breaches).toEqual([])
  })

  test.each(['conditional', 'freeze', 'failover'] as const)(
    'stays maintenance in a manual maintenance (%s), and what is left there is stopped all the same',
    (policy) => {
      const world = running(policy)
      world.plane.mode = 'maintenance'
      world.plane.revision++
      world.run1s()
      tell(world, 'reboot')
      world.run1s(3)
      expect(renewals(world).every(({ mode }) => mode === 'maintenance')).toBe(true)
      expect(world.host.size).toBe(0)
      expect(world.plane.closed.get(sid)).toBe(1)
      expect(world.exited).toBe(0)
      expect(world.breaches).toEqual([])
    },
  )
})

describe('freeze', () => {
  test('stops what runs, ends it, waits until it is frozen, closes and leaves', () => {
    const world = running('freeze')
    tell(world, 'reboot')
    // The plane closes the grant, and has not frozen it yet.
    world.plane.onEnd = 'started'
    world.run1s()
    expect(world.host.size).toBe(0)
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.exited).toBe(null)
    world.plane.order(sid, 'freeze')
    world.run1s()
    expect(world.exited).toBe(0)
    expect(world.device.running).toBe(false)
    expect(world.breaches).toEqual([])
  })

  test('does not wait for ever for a plane that freezes nothing, nor for one that is away', () => {
    const world = running('freeze')
    tell(world, 'reboot')
    world.plane.onEnd = 'started'
    world.run1s(6)
    expect(world.exited).toBe(0)
    const cut = running('freeze')
    tell(cut, 'reboot')
    cut.cut(5_000)
    expect(cut.exited).toBe(0)
    expect(cut.disk.journal?.closed).toEqual({ [sid]: 1 })
    expect(cut.breaches).toEqual([])
  })

  test('leaves with the release what does not stop, where that is frozen: the machine goes down anyway', () => {
    const steps = Steps.running()
    steps.lrm.settings = { ...steps.lrm.settings, shutdownPolicy: 'freeze' }
    steps.tell({ kind: 'signal', signal: 'reboot' })
    steps.tell({ kind: 'stopped', sid: web, generation: 7, outcome: 'timeout', detail: 'stuck' })
    steps.orders(desired([order({ state: 'freeze', uid: 'f1' })], { revision: 11 }))
    for (let i = 0; i < 40 && !steps.kinds().includes('exit'); i++) {
      steps.nowMs += 300
      steps.tell()
      if (steps.lrm.services[web]!.phase === 'stopping')
        steps.tell({
          kind: 'stopped',
          sid: web,
          generation: 7,
          outcome: 'timeout',
          detail: 'stuck',
        })
      const sent = steps.lrm.renewal.inFlight
      if (sent) steps.grant({ released: sent.release, unguarded: sent.release })
    }
    expect(steps.kinds()).toContain('close-watchdog')
    expect(steps.last('exit')).toMatchObject({ code: 1 })
  })
})

describe('failover', () => {
  test('stops what runs, tells what is ended, closes and leaves, without waiting for anything else', () => {
    const world = running('failover')
    tell(world, 'reboot')
    world.plane.onEnd = 'started'
    world.settle()
    world.run1s()
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.exited).toBe(0)
    expect(world.device.running).toBe(false)
    expect(world.breaches).toEqual([])
  })

  test('leaves with the device open when something does not stop: the watchdog settles it', () => {
    const steps = Steps.running()
    steps.lrm.settings = { ...steps.lrm.settings, shutdownPolicy: 'failover' }
    steps.tell({ kind: 'signal', signal: 'shutdown' })
    for (let i = 0; i < 400 && !steps.kinds().includes('exit'); i++) {
      steps.nowMs += 300
      steps.tell()
      if (steps.lrm.services[web]!.phase === 'stopping')
        steps.tell({
          kind: 'stopped',
          sid: web,
          generation: 7,
          outcome: 'timeout',
          detail: 'stuck',
        })
      if (steps.lrm.renewal.inFlight) steps.grant()
    }
    expect(steps.last('exit')).toMatchObject({ code: 1 })
    expect(steps.kinds()).not.toContain('close-watchdog')
    expect(steps.all.some(({ kind }) => kind === 'renew')).toBe(true)
    expect(steps.last('renew')!.request.closed).toEqual([])
  })
})

describe('migrate', () => {
  test('keeps everything running and protected until the plane has moved it away, then leaves', () => {
    const world = running('migrate')
    tell(world, 'shutdown')
    world.run1s(30)
    expect(world.host.get(sid)).toBe(1)
    expect(world.exited).toBe(null)
    expect(world.device.running).toBe(true)
    expect(renewals(world).at(-1)).toMatchObject({ mode: 'maintenance', lrmState: 'maintenance' })
    world.plane.order(sid, 'relocate')
    world.run1s(2)
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.exited).toBe(0)
    expect(world.device.running).toBe(false)
    expect(world.breaches).toEqual([])
  })

  test('starts again what ends by itself before it is moved away', () => {
    const world = running('migrate')
    tell(world, 'shutdown')
    world.run1s()
    world.host.delete(sid)
    world.decide([{ kind: 'exited', sid, generation: 1, detail: 'exit code 1' }])
    world.run1s(3)
    expect(kinds(world)).toContain('start')
    expect(world.host.get(sid)).toBe(1)
    expect(world.exited).toBe(null)
    expect(world.breaches).toEqual([])
  })

  test('asked a second time it leaves at once, and what runs is settled by the watchdog', () => {
    const world = running('migrate')
    tell(world, 'shutdown')
    world.run1s()
    tell(world, 'shutdown')
    expect(world.exited).toBe(1)
    expect(world.device.running).toBe(true)
  })
})

test('a reboot that is told during a mere restart goes the way of the policy', () => {
  const world = running('failover')
  tell(world, 'restart')
  world.run1s()
  expect(lastMode(world)).toBe('restart')
  tell(world, 'reboot')
  world.run1s(2)
  expect(world.host.size).toBe(0)
  expect(world.exited).toBe(0)
})
