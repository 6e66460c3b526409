// A service that somebody has started here and that becomes this node's (rules 7, 12): from the question about it to its
// confirmed grant nothing of it is stopped or started, and it counts as granted under an armed watchdog only.
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../agent/lrm/decide/effect.ts'
import type { Found } from '../../agent/lrm/decide/lrm.ts'
import { desired, order, resumed, Steps } from './steps.ts'

const vm = 'vm:100'
const byHand: Found = { sid: vm, generation: 0, state: 'running' }
const list = { digest: 'd1', services: [{ sid: vm, spec: {} }] }
const asked = { revision: 11, probes: [vm], probeSpecs: { [vm]: {} } }
const adopted = order({ sid: vm, generation: 5, foundAs: 0, spec: {} })

/** A node that has nothing to do: its watchdog is closed, and its lease is good. */
function idle(journal: Parameters<typeof resumed>[0] = {}): Steps {
  const lrm = resumed({ running: false, ...journal, journal: { started: {}, ...journal?.journal } })
  lrm.self.drivers = ['vm']
  const steps = new Steps(lrm)
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  steps.orders(desired([]), 'none')
  live(steps, [])
  return steps
}

/** Time passes; every renewal is granted, and every look finds this. */
function live(steps: Steps, found: Found[] = [byHand], seconds = 3): void {
  for (let second = 0; second < seconds; second++) {
    steps.nowMs += 1_000
    steps.tell()
    for (let i = 0; i < 3 && steps.lrm.survey.running; i++) steps.tell({ kind: 'surveyed', found })
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: steps.lrm.desired?.revision ?? 10 })
  }
}

/** The cluster has the service; this node was asked, has looked, and has told what it found. */
function met(steps = idle()): Steps {
  steps.orders(desired([], asked), 'd1')
  steps.tell({ kind: 'managed', list })
  live(steps)
  return steps
}

const of = <K extends Effect['kind']>(steps: Steps, kind: K) =>
  steps.all.filter((one): one is Extract<Effect, { kind: K }> => one.kind === kind)
const hands = (steps: Steps) =>
  steps.all.filter(({ kind }) => ['start', 'stop', 'prepare'].includes(kind))

describe('a machine that was started by hand', () => {
  it('is told, under an armed watchdog, and left as it is until it is this node’s', () => {
    const steps = idle()
    expect(steps.lrm.watchdog.open).toBe(false)
    met(steps)
    const { request } = steps.last('renew')!
    expect(request).toMatchObject({ revision: 11, armed: true, confirms: [] })
    expect(request.running).toMatchObject([{ sid: vm, generation: 0, state: 'running' }])
    expect(hands(steps)).toEqual([])
  })

  it('is adopted as it runs: confirmed, and its driver told so by a look at once', () => {
    const steps = met()
    steps.orders(desired([adopted], { revision: 12 }), 'd1')
    const looks = of(steps, 'survey').length
    live(steps)
    const confirm = of(steps, 'renew').find(({ request }) => request.confirms.length > 0)!
    expect(confirm.request).toMatchObject({ armed: true, confirms: [{ sid: vm, generation: 5 }] })
    const [look, ...more] = of(steps, 'survey').slice(looks)
    expect(look).toMatchObject({ held: [vm], known: list.services })
    expect(more).toEqual([])
    expect(steps.last('renew')!.request.running).toMatchObject([{ sid: vm, generation: 5 }])
    expect(hands(steps)).toEqual([])
  })

  it('is no one’s to start while the watchdog cannot be armed, nor confirmed', () => {
    const steps = idle()
    steps.armFails = 'it is open elsewhere'
    met(steps)
    steps.orders(desired([adopted], { revision: 12 }), 'd1')
    live(steps, [byHand], 10)
    expect(of(steps, 'renew').flatMap(({ request }) => request.confirms)).toEqual([])
    expect(steps.last('renew')!.request.armed).toBe(false)
    expect(hands(steps)).toEqual([])
  })

  it('is the same to the process after a crash, whether its adoption was journaled or not', () => {
    for (const journal of [
      {},
      { started: { [vm]: 5 }, adopted: { [vm]: { foundAs: 0, generation: 5 } } },
    ]) {
      const lrm = resumed({ running: true, journal: { started: {}, ...journal } })
      lrm.self.drivers = ['vm']
      const steps = new Steps(lrm)
      steps.lrm.managed = { ...lrm.managed, ...list, look: { vm: 1 } }
      steps.tell()
      live(steps)
      steps.orders(desired([adopted], { revision: 12 }), 'd1')
      live(steps)
      expect(steps.last('renew')!.request.running).toMatchObject([{ sid: vm, generation: 5 }])
      expect(of(steps, 'renew').flatMap(({ request }) => request.confirms)).toContainEqual({
        sid: vm,
        generation: 5,
      })
      expect(hands(steps)).toEqual([])
    }
  })

  it('is left alone while a list that is newer than the newest orders known has told of it', () => {
    const steps = idle()
    steps.tell({ kind: 'managed', list })
    live(steps)
    expect(hands(steps)).toEqual([])
    met(steps)
    expect(hands(steps)).toEqual([])
  })

  it('is left as it is where the cluster gave it up before it was adopted: removed, or ignored', () => {
    const steps = met()
    steps.orders(desired([], { revision: 12 }), 'd2')
    live(steps)
    steps.tell({ kind: 'managed', list: { digest: 'd2', services: [] } })
    live(steps, [byHand], 60)
    expect(steps.lrm.renewal.settledRevision).toBe(12)
    expect(hands(steps)).toEqual([])
  })

  it('is ended where neither the newest orders nor a question speak of it', () => {
    const steps = idle()
    steps.orders(desired([], { revision: 11 }), 'd1')
    steps.tell({ kind: 'managed', list })
    live(steps)
    expect(hands(steps)).toMatchObject([{ kind: 'stop', sid: vm }])
  })
})
