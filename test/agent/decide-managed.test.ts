// S8: a node knows all services of its cluster that somebody else could start on it, and says, confirms and starts nothing
// under orders before the start gates of these services are in place.
import { describe, expect, it } from 'vitest'
import type { Found } from '../../agent/lrm/decide/lrm.ts'
import { decideLrm } from '../../agent/lrm/decide/decide.ts'
import { hasLookedFor } from '../../agent/lrm/decide/managed.ts'
import { incoming, target } from './live-steps.ts'
import { desired, generation, order, resumed, sid, Steps } from './steps.ts'

const db = 'systemd:db'
const list = { digest: 'd1', services: [{ sid: db, spec: {} }] }
const running: Found = { sid, generation, state: 'running' }
const start = order({ sid: db, uid: 'u2', generation: 3, spec: {} })
const all = [order(), start]

/** A process that runs `process:web`, has units too, and has looked once. */
function begun(left: typeof list | null = null): Steps {
  const lrm = resumed({ journal: { started: { [sid]: generation } } })
  lrm.self.drivers = ['process', 'systemd']
  const steps = new Steps(lrm)
  if (left) steps.lrm.managed = { ...lrm.managed, ...left, look: { systemd: 1 } }
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [running] })
  return steps
}

function live(steps: Steps, seconds = 3): void {
  for (let second = 0; second < seconds; second++) {
    steps.nowMs += 1_000
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant()
  }
}

const lastSurvey = (steps: Steps) => steps.last('survey')!
const starts = (steps: Steps) =>
  steps.all.filter((one) => one.kind === 'start').map((one) => one.sid)
const confirms = (steps: Steps) =>
  steps.all
    .flatMap((one) => (one.kind === 'renew' ? one.request.confirms : []))
    .map((one) => one.sid)

describe('orders that come with managed services', () => {
  it('are obeyed once the list is read and a look with it has ended: gates first, confirms and starts after', () => {
    const steps = begun()
    steps.orders(desired(all), 'd1')
    expect(steps.kinds().filter((kind) => kind === 'ask-managed')).toHaveLength(1)
    live(steps)
    expect(steps.last('renew')!.request.revision).toBe(0)
    steps.tell({ kind: 'managed', list })
    expect(lastSurvey(steps).known).toEqual(list.services)
    live(steps)
    expect(starts(steps)).toEqual([])
    expect(confirms(steps)).not.toContain(db)
    expect(steps.last('renew')!.request.revision).toBe(0)
    steps.tell({ kind: 'surveyed', found: [running] })
    live(steps)
    expect(steps.last('renew')!.request.revision).toBe(10)
    expect(starts(steps)).toEqual([db])
  })

  it('do not keep a service of another kind waiting for a gate that its own has none of', () => {
    const steps = begun()
    steps.orders(desired(all), 'd1')
    steps.tell({ kind: 'managed', list })
    steps.tell({ kind: 'surveyed', found: [running], blind: [{ type: 'systemd', why: 'hangs' }] })
    live(steps, 1)
    expect(steps.last('renew')!.request.revision).toBe(10)
    expect(confirms(steps)).toContain(sid)
    expect(starts(steps)).toEqual([])
  })

  it('are held back while the list cannot be read, which is tried again after pauses', () => {
    const steps = begun()
    steps.orders(desired(all), 'd1')
    for (let second = 0; second < 60; second++) {
      if (steps.lrm.managed.asking) steps.tell({ kind: 'managed-failed', why: 'busy' })
      live(steps, 1)
      if (steps.lrm.survey.running) steps.tell({ kind: 'surveyed', found: [running] })
    }
    expect(steps.last('renew')!.request.revision).toBe(0)
    expect(starts(steps)).toEqual([])
    const asked = steps.kinds().filter((kind) => kind === 'ask-managed').length
    expect(asked).toBeGreaterThan(4)
    expect(asked).toBeLessThan(20)
    // What ran before runs on, and counts.
    expect(steps.lrm.services[sid]!.phase).toBe('running')
    expect(confirms(steps)).toContain(sid)
  })

  it('that come without any, of a plane of an older version, are obeyed as ever', () => {
    const steps = begun()
    steps.orders(desired(all))
    live(steps)
    expect(steps.kinds()).not.toContain('ask-managed')
    expect(starts(steps)).toEqual([db])
  })

  it('that come with none are obeyed at once; a list that was left is read anew, and forgotten', () => {
    const fresh = begun()
    fresh.orders(desired(all), 'none')
    live(fresh)
    expect(fresh.kinds()).not.toContain('ask-managed')
    expect(starts(fresh)).toEqual([db])
    const left = begun(list)
    left.orders(desired(all), 'none')
    expect(left.kinds()).toContain('ask-managed')
    left.tell({ kind: 'managed', list: { digest: 'none', services: [] } })
    live(left)
    left.nowMs += 20_000
    left.tell()
    expect(lastSurvey(left).known).toEqual([])
    expect(starts(left)).toEqual([db])
  })

  it('of a new epoch have the list read anew: the node may be one that can run more', () => {
    const steps = begun(list)
    steps.lrm.epoch = null
    const planeEpoch = steps.lrm.planeEpoch!
    steps.tell({
      kind: 'epoch-answered',
      answer: { status: 'joined', epoch: 2, planeEpoch, timing: steps.lrm.timing },
    })
    steps.orders(desired(all), 'd1')
    expect(steps.kinds()).toContain('ask-managed')
    live(steps)
    expect(starts(steps)).toEqual([])
    steps.tell({ kind: 'managed', list })
    live(steps)
    expect(starts(steps)).toEqual([db])
  })

  it('need no new look where the list is the one that an earlier process left on disk', () => {
    const steps = begun(list)
    expect(steps.all.find((one) => one.kind === 'survey')).toMatchObject({ known: list.services })
    steps.orders(desired(all), 'd1')
    live(steps)
    expect(steps.kinds()).not.toContain('ask-managed')
    expect(starts(steps)).toEqual([db])
  })
})

it('nothing is received, nor confirmed for that, before the list of these orders is in place', () => {
  const steps = new Steps(resumed({ journal: { started: {} } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  const half = { sid, generation: incoming }
  const { revision } = desired([])
  steps.orders(desired([target()]), 'd1')
  live(steps)
  expect(confirms(steps)).toEqual([])
  steps.tell({ kind: 'managed', list: { digest: 'd1', services: [] } })
  for (let i = 0; i < 4 && steps.lrm.renewal.inFlight; i++) steps.grant({ revision })
  expect(confirms(steps)).toContain(sid)
  expect(steps.last('receive')).toMatchObject(half)
})

describe('a service of the list that runs here by nobody’s grant', () => {
  const byHand: Found = { sid: db, generation: 0, state: 'running' }

  /** The plane has taken up `systemd:db`, and this node runs it by hand. */
  function met(orders: Parameters<typeof desired>, digest = 'd1'): Steps {
    const steps = begun()
    steps.orders(desired(...orders), digest)
    steps.tell({ kind: 'managed', list })
    steps.tell({ kind: 'surveyed', found: [running, byHand] })
    live(steps)
    return steps
  }

  it('is stopped, with the time that a stop has, where the plane does not ask for it', () => {
    const steps = met([[order()]])
    expect(steps.last('stop')).toMatchObject({ sid: db, timeoutMs: steps.lrm.timing.stopTimeoutMs })
  })

  it('is left as it is, and told, where the plane asks: it may be adopted', () => {
    const steps = met([[order()], { probes: [db], probeSpecs: { [db]: {} } }])
    expect(steps.kinds()).not.toContain('stop')
    expect(steps.last('renew')!.request.running).toContainEqual(
      expect.objectContaining({ sid: db, generation: 0, state: 'running' }),
    )
  })

  it('is left as it is while only a newer list than the orders’ tells of it: the next orders may ask for it', () => {
    const steps = met([[order()]], 'd0')
    expect(steps.kinds()).not.toContain('stop')
    steps.orders(desired([order()], { revision: 11, probes: [db] }), 'd1')
    live(steps)
    expect(steps.kinds()).not.toContain('stop')
  })
})

it('gates that somebody takes away in a disarmed cluster stay away until it is armed, and are there before anything is attested', () => {
  const steps = begun(list)
  steps.orders(desired([], { mode: 'disarm' }), 'd1')
  steps.nowMs += 20_000
  steps.tell()
  expect(lastSurvey(steps).known).toEqual([])
  steps.tell({ kind: 'surveyed', found: [running] })
  live(steps)
  expect(steps.last('renew')!.request.revision).toBe(10)
  steps.orders(desired(all, { revision: 11 }), 'd1')
  expect(lastSurvey(steps).known).toEqual(list.services)
  live(steps)
  expect(steps.last('renew')!.request.revision).toBe(10)
  expect(starts(steps)).toEqual([])
  steps.tell({ kind: 'surveyed', found: [running] })
  live(steps)
  expect(steps.last('renew')!.request.revision).toBe(11)
})

it('nor does a node that boots in a disarmed cluster put them in, or end what runs by hand, before it knows better', () => {
  const lrm = resumed({
    journal: {
      ...{ bootId: 'boot-0-xxxx', started: {} },
      epoch: { number: 1, seqReserved: 9, planeNumber: 5, state: 'released' },
    },
  })
  lrm.self.drivers = ['process', 'systemd']
  const steps = new Steps(lrm)
  steps.lrm.managed = { ...lrm.managed, ...list, look: { systemd: 1 } }
  steps.tell()
  expect(lastSurvey(steps).known).toEqual([])
  steps.tell({ kind: 'surveyed', found: [] })
  expect(hasLookedFor(steps.lrm)).toBe(true)
  steps.lrm = { ...steps.lrm, epoch: { number: 2, seq: 0 }, cleaning: null }
  steps.lrm.journal.epoch = { number: 2, seqReserved: 9, planeNumber: 5, state: 'open' }
  steps.orders(desired(all, { revision: 11 }), 'd1')
  expect(hasLookedFor(steps.lrm)).toBe(false)
  expect(lastSurvey(steps).known).toEqual(list.services)
  expect(starts(steps)).toEqual([])
})

it('a boot without a plane begins with the list of the boot before', () => {
  const { lrm } = begun(list)
  const next = decideLrm(
    { ...lrm, survey: { ...lrm.survey, dueMs: 0 } },
    { nowMs: 1e9, events: [] },
  )
  expect(next.effects).toContainEqual(
    expect.objectContaining({ kind: 'survey', known: list.services }),
  )
})
