// An agent that comes back without a driver it had: of what it can no longer see it never says that it is stopped.
import { expect, test } from 'vitest'
import type { ServiceType } from '../../shared/names.ts'
import { desired, generation, order, plane, resumed, sid as web, Steps } from './steps.ts'
import { World } from './world.ts'

const sid = 'vm:100'

/** The process before ran `vm:100` in this boot; this one has no driver for it, and its host shows it nothing. */
function blind(closed: Record<string, number> = {}): Steps {
  const steps = new Steps(resumed({ journal: { started: { [sid]: generation }, closed } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  return steps
}

/** What its driver, which is not there, answers to every stop. */
function answerStops(steps: Steps): void {
  for (const effect of steps.effects)
    if (effect.kind === 'stop')
      steps.tell({
        ...{ kind: 'stopped', sid, generation: effect.generation },
        ...{ outcome: 'unknown-service', detail: 'no such driver' },
      })
}

test('what it started there in this boot is unknown, and not ended, whatever is ordered', () => {
  const steps = blind()
  steps.orders(
    desired([order({ sid, state: 'request_stop' })], { planeEpoch: plane, revision: 11 }),
  )
  for (let second = 0; second < 30; second++) {
    answerStops(steps)
    steps.nowMs += 1_000
    if (steps.lrm.renewal.inFlight) steps.grant()
    steps.tell({ kind: 'surveyed', found: [] })
  }
  expect(steps.lrm.journal.closed).toEqual({})
  expect(steps.lrm.journal.started).toEqual({ [sid]: generation })
  expect(['unknown', 'stopping']).toContain(steps.lrm.services[sid]?.phase)
  expect(steps.kinds()).not.toContain('close-watchdog')
})

test('what it had ended for good there stays ended', () => {
  expect(blind({ [sid]: generation }).lrm.services[sid]).toBeUndefined()
})

test('a question about a service of a kind that it has no driver for is answered with a doubt, and other questions are answered', () => {
  const steps = blind({ [sid]: generation })
  steps.orders(desired([], { revision: 11, probes: ['vm:7', 'process:db'] }))
  for (let second = 0; second < 4; second++) {
    steps.nowMs += 1_000
    steps.tell({ kind: 'surveyed', found: [] })
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: 11 })
  }
  const { revision, running } = steps.last('renew')!.request
  expect(revision).toBe(11)
  expect(running).toMatchObject([{ sid: 'vm:7', generation: 0, state: 'unknown' }])
})

/** What a node that held a grant answers about it, once its agent is back without journal and driver. */
function challenged(world: World): unknown[] {
  world.done = []
  world.lrm.self.drivers = ['systemd']
  world.run1s(2)
  return world.done.flatMap((one) => (one.kind === 'ask-epoch' ? one.found : []))
}

function holding(): World {
  const world = new World()
  world.run1s()
  world.plane.grant(web)
  world.run1s()
  world.host.clear()
  return world
}

test('of a grant that it is asked about before its epoch it says no end, without journal and driver', () => {
  const world = holding()
  world.disk = { journal: null, note: null }
  world.crash()
  expect(challenged(world)).toContainEqual({ sid: web, generation: 1, state: 'unknown' })
})

test('what an earlier boot was granted is over all the same', () => {
  const world = holding()
  world.boot += 1
  world.device = { ...world.device, open: false, running: false }
  world.crash()
  expect(challenged(world)).toContainEqual({ sid: web, generation: 1, state: 'stopped' })
})

test.each<[string, ServiceType[] | undefined, string[], number]>([
  ['without one of its drivers', ['process', 'vm'], [web], 1],
  ['with another one', ['systemd'], [web], 1],
  ['with the same drivers', ['process'], [web], 0],
  ['after an agent that did not write its drivers down', undefined, [web], 0],
  ['without one that a grant of its needs', ['process', 'vm'], [web, sid], 0],
])(
  'a process that comes back %s asks at once for an epoch that says so, or goes on',
  (...given) => {
    const [, drivers, held, asks] = given
    const epoch = {
      number: 1,
      seqReserved: 10_000,
      planeNumber: plane.number,
      state: 'open',
    } as const
    const journal = { epoch: { ...epoch, ...(drivers && { drivers }) } }
    const steps = new Steps(resumed({ journal }))
    const found = [{ sid: web, generation, state: 'running' as const }]
    steps.tell()
    steps.tell({ kind: 'surveyed', found })
    steps.orders(
      desired(
        held.map((one) => order({ sid: one, uid: one })),
        { revision: 11 },
      ),
    )
    for (let i = 0; i < 3; i++) if (steps.lrm.renewal.inFlight) steps.grant({ revision: 11 })
    expect(steps.all.filter(({ kind }) => kind === 'ask-epoch')).toHaveLength(asks)
    expect(steps.kinds()).not.toContain('stop')
    if (asks === 0) return
    const { planeEpoch, timing } = steps.lrm
    const answer = { status: 'joined' as const, epoch: 2, planeEpoch: planeEpoch!, timing }
    steps.tell({ kind: 'epoch-answered', answer })
    steps.orders(desired([order()], { revision: 11 }))
    expect(steps.lrm.journal.epoch).toMatchObject({ number: 2, drivers: ['process'] })
    expect(steps.lrm.epoch?.number).toBe(2)
  },
)

test('an order to stop what was never granted there is such a question: its node leaves no roster on the silence of a blind agent', () => {
  const steps = blind({ [sid]: generation })
  const ungranted = (name: string) => order({ sid: name, state: 'request_stop', generation: null })
  const orders = [ungranted('vm:7'), ungranted('process:db')]
  steps.orders(desired(orders, { revision: 11 }))
  for (let second = 0; second < 4; second++) {
    answerStops(steps)
    steps.nowMs += 1_000
    steps.tell({ kind: 'surveyed', found: [] })
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: 11 })
  }
  const { running } = steps.last('renew')!.request
  expect(running).toMatchObject([{ sid: 'vm:7', generation: 0, state: 'unknown' }])
})
