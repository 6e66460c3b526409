// A driver that does not answer: nothing of its kind is gone, or ended, or told as absent; and no other kind waits for it.
import { describe, expect, it } from 'vitest'
import type { Found, Lrm } from '../../agent/lrm/decide/lrm.ts'
import { incoming, target } from './live-steps.ts'
import { desired, generation, order, resumed, sid, Steps } from './steps.ts'

const vm = 'vm:100'
const blind = [{ type: 'vm' as const, why: 'virsh list: no answer in time' }]
const web: Found = { sid, generation, state: 'running' }
const machine: Found = { sid: vm, generation: 3, state: 'running' }
const both = [order(), order({ sid: vm, uid: 'u2', generation: 3, spec: { xml: '<domain/>' } })]

function withVm(started: Record<string, number>): Lrm {
  const lrm = resumed({ journal: { started } })
  return { ...lrm, self: { ...lrm.self, drivers: ['process', 'vm'] } }
}

/** A new process of the same boot, whose predecessor ran both; its first look is over. */
function begun(found: Found[], isBlind = true): Steps {
  const steps = new Steps(withVm({ [sid]: generation, [vm]: 3 }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found, blind: isBlind ? blind : [] })
  return steps
}

/** As time goes by: renewals are granted, stops fail as the tool does, and every look is as blind. */
function live(steps: Steps, seconds: number, found: Found[]): void {
  for (let second = 0; second < seconds; second++) {
    steps.nowMs += 1_000
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant()
    if (steps.lrm.survey.running) steps.tell({ kind: 'surveyed', found, blind })
  }
}

const saidToWait = (steps: Steps) =>
  steps.all.filter((one) => one.kind === 'say' && one.message === 'service waits')

const lastTold = (steps: Steps, of: string) =>
  steps.last('renew')!.request.running.find((one) => one.sid === of)

describe('an agent that comes back while libvirt’s daemon is away', () => {
  it('tells its machines as unknown, and neither ends nor starts any of them while the lease is good', () => {
    const steps = begun([web])
    steps.orders(desired(both))
    live(steps, 120, [web])
    expect(steps.lrm.services[vm]!.phase).toBe('unseen')
    expect(lastTold(steps, vm)).toMatchObject({ generation: 3, state: 'unknown' })
    expect(steps.kinds()).not.toContain('stop')
    expect(steps.kinds()).not.toContain('start')
    expect(steps.lrm.journal.closed).toEqual({})
    expect(steps.lrm.confirmed[vm]).toBe(3)
  })

  it('goes on with what its other drivers run', () => {
    const steps = begun([web])
    steps.orders(desired(both))
    live(steps, 3, [web])
    expect(lastTold(steps, sid)).toMatchObject({ state: 'running' })
    steps.orders(desired([{ ...both[0]!, state: 'request_stop' }, both[1]!], { revision: 11 }))
    expect(steps.last('stop')).toMatchObject({ sid, generation })
  })

  it('takes the machine for running as soon as its driver sees it', () => {
    const steps = begun([web])
    steps.orders(desired(both))
    live(steps, 5, [web])
    steps.nowMs += 2_000
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [web, machine] })
    expect(steps.lrm.services[vm]).toMatchObject({ phase: 'running', generation: 3 })
    expect(steps.kinds()).not.toContain('stop')
  })

  it('starts it anew once its driver has looked and found nothing', () => {
    const steps = begun([web])
    steps.orders(desired(both))
    live(steps, 5, [web])
    steps.nowMs += 2_000
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [web] })
    expect(steps.last('start')).toMatchObject({ sid: vm, generation: 3 })
  })

  it('stops it gently when the lease runs out', () => {
    const steps = begun([web])
    steps.orders(desired(both))
    live(steps, 3, [web])
    steps.nowMs += 60_000
    steps.tell()
    const stop = steps.all.find((one) => one.kind === 'stop' && one.sid === vm)
    expect(stop).toBeDefined()
  })

  /** Asked by the plane, with grants of both machines, before it gets an epoch. */
  function challenged(started: Record<string, number>, journal: Partial<Lrm['journal']> = {}) {
    const lrm = withVm({ [sid]: generation, ...started })
    lrm.epoch = null
    Object.assign(lrm.journal, journal)
    const steps = new Steps(lrm)
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [web], blind })
    const questions = [
      { sid: vm, generation: 3 },
      { sid: 'vm:101', generation: 2 },
    ]
    const planeEpoch = lrm.planeEpoch!
    steps.tell({
      kind: 'epoch-answered',
      answer: { status: 'challenge', nonce: 'n', questions, planeEpoch },
    })
    steps.nowMs += 2_000
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [web], blind })
    expect(steps.lrm.journal.closed).toEqual({})
    return steps
  }
  const answersOf = (steps: Steps) =>
    steps
      .last('ask-epoch')!
      .found.filter((one) => one.sid !== sid)
      .map((one) => `${one.sid} ${one.generation} ${one.state}`)

  it('keeps the grant of what this boot has started, when it asks for an epoch, and says of nothing that it is not there', () => {
    const steps = challenged({ [vm]: 3 })
    expect(answersOf(steps)).toEqual(['vm:100 3 running', 'vm:101 2 unknown'])
  })

  it.each<[string, Record<string, number>, Partial<Lrm['journal']>]>([
    ['of which its journal knows nothing', {}, {}],
    ['that it has started under another number', { [vm]: 2 }, {}],
    [
      'that was on its way to another node',
      { [vm]: 3 },
      { moving: { [vm]: { generation: 3 } as never } },
    ],
  ])('can say nothing of one %s', (_, started, journal) => {
    expect(answersOf(challenged(started, journal))).toContain('vm:100 3 unknown')
  })

  it('neither ends, starts nor gives back what it kept so, under the new epoch, until its driver can tell', () => {
    const steps = challenged({ [vm]: 3 })
    const planeEpoch = steps.lrm.planeEpoch!
    const { timing } = steps.lrm
    steps.tell({
      kind: 'epoch-answered',
      answer: { status: 'joined', epoch: 2, planeEpoch, timing },
    })
    steps.orders(desired(both))
    live(steps, 120, [web])
    expect(steps.lrm.epoch!.number).toBe(2)
    expect(lastTold(steps, vm)).toMatchObject({ generation: 3, state: 'unknown' })
    expect(lastTold(steps, sid)).toMatchObject({ state: 'running' })
    expect(steps.all.map(({ kind }) => kind)).not.toContain('stop')
    expect(steps.all.map(({ kind }) => kind)).not.toContain('start')
    expect(steps.lrm.journal.closed).toEqual({})
    expect(steps.lrm.watchdog.open).toBe(true)
    steps.nowMs += 2_000
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [web, machine] })
    expect(steps.lrm.services[vm]).toMatchObject({ phase: 'running', generation: 3 })
  })

  it('begins no move of what it does not see, and answers none', () => {
    const steps = begun([web])
    const move = { role: 'source' as const, peer: 'n2', address: 'x', timeoutMs: 1, cancel: false }
    steps.orders(desired([both[0]!, { ...both[1]!, state: 'migrate', target: 'n2', move }]))
    live(steps, 20, [web])
    expect(steps.kinds()).not.toContain('migrate')
    expect(steps.lrm.journal.answers).not.toHaveProperty('u2')
  })
})

describe('what was found here, and is adopted as generation 5 by a plane whose order an earlier process did not live to see', () => {
  const adopted = { ...both[1]!, generation: 5, foundAs: 0 }
  const found: Found = { sid: vm, generation: 0, state: 'unseen' }
  const begin = (seen: Found[], isBlind: boolean) => {
    const steps = new Steps(withVm({}))
    steps.tell()
    steps.tell({ kind: 'surveyed', found: seen, blind: isBlind ? blind : [] })
    return steps
  }

  it('is adopted, and not ended, while its driver can only say that something of it lives', () => {
    const steps = begin([found], false)
    steps.orders(desired([adopted]))
    expect(steps.kinds()).not.toContain('stop')
    expect(steps.lrm.services[vm]).toMatchObject({ phase: 'unseen', generation: 5 })
    expect(steps.lrm.journal.adopted).toEqual({ [vm]: { foundAs: 0, generation: 5 } })
  })

  it('is not said to be ended before its driver has said so', () => {
    const steps = begin([], true)
    steps.orders(desired([{ ...adopted, state: 'request_stop' }]))
    expect(steps.last('stop')).toMatchObject({ sid: vm, generation: 5 })
    expect(steps.lrm.journal.closed).toEqual({})
    expect(steps.lrm.journal.answers).toEqual({})
  })
})

describe('a driver that finds what is there, and could not put a start gate in place', () => {
  const rogue: Found = { sid: 'vm:9', generation: 0, state: 'unknown' }

  it('has what runs without a grant ended all the same (S8)', () => {
    const steps = begun([web, machine, rogue])
    steps.orders(desired(both))
    expect(steps.last('stop')).toMatchObject({ sid: 'vm:9' })
  })

  it('is believed of what it finds', () => {
    const steps = begun([web, machine, rogue])
    expect(steps.lrm.services[vm]).toMatchObject({ phase: 'running', generation: 3 })
  })
})

describe('a question of the plane that a blind driver cannot answer', () => {
  it('is answered as a doubt, and the other questions are answered with it', () => {
    const steps = begun([web], false)
    steps.lrm.services = {}
    steps.orders(desired([], { revision: 12, probes: ['process:db', 'vm:7'] }))
    live(steps, 3, [])
    const { revision, running } = steps.last('renew')!.request
    expect(revision).toBe(12)
    expect(running).toContainEqual({
      ...{ sid: 'vm:7', generation: 0, state: 'unknown', stable: false },
    })
    expect(running.map((one) => one.sid)).not.toContain('process:db')
  })
})

it('what runs stays running for as long as its driver does not answer', () => {
  const steps = begun([web, machine], false)
  steps.orders(desired(both))
  live(steps, 120, [web])
  expect(steps.lrm.services[vm]!.phase).toBe('running')
  expect(lastTold(steps, vm)).toMatchObject({ state: 'running' })
})

it('what was never begun here is given back when its driver answers no look, so that another node may run it', () => {
  const steps = new Steps(withVm({ [sid]: generation }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [web], blind })
  const managed = { digest: 'd1', services: [{ sid: vm, spec: {} }] }
  steps.tell({ kind: 'managed', list: managed })
  steps.orders(desired(both))
  const answered = () => steps.lrm.journal.answers['u2']
  live(steps, 5, [web])
  expect(answered()).toBeUndefined()
  live(steps, 60, [web])
  expect(answered()).toMatchObject({ outcome: 'error', detail: expect.stringContaining('driver') })
  expect(steps.kinds()).not.toContain('start')
  expect(saidToWait(steps)).toHaveLength(1)
})

it('a half that cannot be opened because of that says so in the log, once, and then to the plane, which need not wait for its deadline', () => {
  const steps = new Steps(withVm({ [sid]: generation }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [web], blind })
  steps.tell({ kind: 'managed', list: { digest: 'd1', services: [{ sid: vm, spec: {} }] } })
  steps.orders(desired([order(), target({ sid: vm, spec: { xml: '<domain/>' } })]))
  live(steps, 5, [web])
  expect(saidToWait(steps)).toMatchObject([
    { facts: { sid: vm, generation: incoming, why: expect.stringContaining('does not answer') } },
  ])
  live(steps, 60, [web])
  expect(steps.lrm.journal.answers.u2).toMatchObject({
    outcome: 'error',
    detail: 'its driver does not answer, or has no start gate: 15 looks',
  })
  expect(steps.lrm.journal.closed[vm]).toBe(incoming)
  expect(steps.kinds()).not.toContain('receive')
  expect(saidToWait(steps)).toHaveLength(1)
})
