// Fence devices: when the CRM has a silent node switched off, and which reports it takes for proof (rule 6, `device-off`).
import { describe, expect, it } from 'vitest'
import { aNode, aService, buildView, leaseFrom, nowMs } from './build-view.ts'
import { anOrder, fenced, revoked, saidOff, started, uuidOfN3, waiting, web } from './fence-rig.ts'
import { ofKind, play } from './play.ts'

const fencedAs = (name: string, silentMs: number) => ({
  ...fenced(silentMs),
  name,
  uid: `uid-${name}`,
})

/** 2 × silentMs of the default profile. */
const delayMs = 18_000

describe('a silent node with a fence device', () => {
  it('is left alone until the fence delay: the note says when, and a round and a job come then', () => {
    const { plan, after } = play(started(fenced(9_000, { state: 'online' })))
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
    expect(after.services[web]!.status!.note).toBe(
      'waits for evidence that n3 is dead, its fence device switches it off in 9 s',
    )
    expect(plan.nextRoundMs).toBeLessThanOrEqual(nowMs - 9_000 + delayMs)
    const startAfterMs = nowMs - 9_000 + delayMs
    expect(plan.jobs).toEqual([{ job: 'fence-node', node: 'n3', epoch: 3, startAfterMs }])
  })

  it('has its lease revoked after the delay, then it is ordered off, and nothing is started before proof (rule 5)', () => {
    const { plan, after } = play(started(fenced(19_000)))
    const kinds = plan.changes.map(({ kind }) => kind)
    expect(kinds.indexOf('lease.revoked')).toBeLessThan(kinds.indexOf('fence.ordered'))
    expect(ofKind(plan, 'lease.revoked')[0]).toMatchObject({ mode: 'silent', epoch: 3 })
    const [ordered] = ofKind(plan, 'fence.ordered')
    expect(ordered).toMatchObject({ node: 'n3', epoch: 3, attempt: 1, uid: expect.any(String) })
    expect(plan.jobs.at(-1)).toEqual({
      ...{ job: 'fence-node', node: 'n3', epoch: 3, order: ordered!.uid, startAfterMs: nowMs },
    })
    expect(after.services[web]!.status!.state).toBe('fence')
    expect(after.services[web]!.grant).not.toBeNull()
    expect(after.services[web]!.status!.note).toMatch(/due in \d+ s; its fence device is told/)
  })

  it('that no round could find silent, because the database hung, is given as long from then on as it always is', () => {
    const { plan, after } = play(started(fenced(20_000, { state: 'online', sinceMs: 0 })))
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
    expect(after.services[web]!.status!.note).toContain('switches it off in 9 s')
    const later = fenced(29_000, { state: 'unknown', sinceMs: nowMs - 9_000 })
    expect(ofKind(play(started(later)).plan, 'lease.revoked')).toHaveLength(1)
  })

  it('that was heard meanwhile, be it only without being granted a lease, is not switched off', () => {
    const n3 = fenced(19_000, { lease: { renewedMs: nowMs - 19_000, reportedMs: nowMs - 10_000 } })
    const { plan } = play(started(n3))
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
  })

  it('is not switched off on the word of one clock: where the clocks doubt each other, its silence is younger (rule 9, S7)', () => {
    // The database's clock was stepped forward by half a minute: the lease counts as renewed at the pair that fits.
    const judgedUntilMs = leaseFrom(nowMs - 19_000) + 15_000
    const n3 = fenced(19_000, {
      lease: { judgedUntilMs, renewedMs: nowMs - 19_000, reportedMs: nowMs - 19_000 },
    })
    expect(ofKind(play(started(n3)).plan, 'lease.revoked')).toEqual([])
  })

  it.each([
    ['no node renews', { nodes: [fenced(19_000)] }],
    ['the cluster settles after an outage', { quietSinceMs: nowMs - 1_000 }],
    [
      'the history was cut',
      { planeEpoch: { number: 1, uuid: uuidOfN3, quarantineUntilMs: nowMs + 5_000 } },
    ],
    [
      'the cluster is disarmed',
      { disarm: { mode: 'freeze', state: 'disarmed', sinceMs: 0, effectiveMs: 0 } },
    ],
  ] as const)('is left alone while %s', (_, more) => {
    const { plan } = play(started(fenced(19_000), more as Parameters<typeof buildView>[0]))
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
    expect(ofKind(plan, 'fence.ordered')).toEqual([])
  })

  it('is not switched off before its deadline while fewer than half of the nodes renew: the plane may be cut off itself', () => {
    const nodes = [aNode('n1'), fenced(19_000), fencedAs('n2', 19_000)]
    const two = play(buildView({ nodes, services: [aService(web, 'n3')] }))
    expect(ofKind(two.plan, 'lease.revoked')).toEqual([])
    const one = play(
      buildView({ nodes: [aNode('n1'), fenced(19_000)], services: [aService(web, 'n3')] }),
    )
    expect(ofKind(one.plan, 'fence.ordered')).toHaveLength(1)
  })

  it('whose agent is being replaced is given until its deadline to come back', () => {
    const mode = { releasedMs: nowMs - 19_000, mode: 'restart' as const, guarded: false }
    const { plan } = play(started(fenced(19_000, { lease: mode })))
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
  })

  it('is left alone while it asks for a lease itself, and a spare machine under its name does not count as it', () => {
    const request = {
      ...{ bootId: 'n3-boot-1', planeEpoch: 1, nonce: null, found: [], requestedMs: nowMs - 100 },
    }
    const asks = revoked({ epochRequest: { ...request, sameHardware: true } })
    expect(ofKind(play(waiting(asks)).plan, 'fence.ordered')).toEqual([])
    const other = revoked({ epochRequest: { ...request, bootId: 'x', sameHardware: false } })
    expect(ofKind(play(waiting(other)).plan, 'fence.ordered')).toHaveLength(1)
  })
})

describe('a virtual machine that has booted again and asks for a lease', () => {
  const epochRequest = {
    ...{ bootId: 'n3-boot-2', sameHardware: true, planeEpoch: 1, nonce: null, found: [] },
    requestedMs: nowMs - 100,
  }
  const asked = (virtual: boolean, afterFence: 'leave-off' | 'power-on', bootId = 'n3-boot-2') => {
    const view = waiting(revoked({ virtual, epochRequest: { ...epochRequest, bootId } }))
    view.settings.afterFence = afterFence
    return ofKind(play(view).plan, 'fence.ordered').length
  }

  it('is switched off for the proof where it is switched on again, and only there (rule 13)', () => {
    expect(asked(true, 'power-on')).toBe(1)
    expect(asked(true, 'leave-off')).toBe(0)
  })

  it('is left alone where it can speak for itself: in the same boot, or as a physical machine', () => {
    expect(asked(true, 'power-on', 'n3-boot-1')).toBe(0)
    expect(asked(false, 'power-on')).toBe(0)
  })
})

describe('the order to switch a node off', () => {
  it('is not given twice while its answer is awaited, and again when the job must be lost', () => {
    const early = waiting(revoked({ fenceOrder: anOrder(null) }))
    expect(ofKind(play(early).plan, 'fence.ordered')).toEqual([])
    const late = waiting(revoked({ fenceOrder: anOrder(null, { orderedMs: nowMs - 91_000 }) }))
    const [again] = ofKind(play(late).plan, 'fence.ordered')
    expect(again).toMatchObject({ attempt: 2 })
    expect(again!.why).toContain('attempt 1 failed: nothing was reported')
  })

  it('that was given in a future that a step of the clock took back is given again', () => {
    const view = waiting(revoked({ fenceOrder: anOrder(null, { orderedMs: nowMs + 3_600_000 }) }))
    expect(ofKind(play(view).plan, 'fence.ordered')).toHaveLength(1)
  })

  it('that failed is given again with back-off, saying why it failed', () => {
    const failed = (attempt: number) =>
      waiting(revoked({ fenceOrder: anOrder([saidOff({ fault: 'no route' })], { attempt }) }))
    const [second] = ofKind(play(failed(1)).plan, 'fence.ordered')
    expect(second).toMatchObject({ attempt: 2 })
    expect(second!.why).toBe('by bmc, after attempt 1 failed: bmc: no route')
    // The fourth waits eight seconds from the report, which is two seconds old.
    const { plan, after } = play(failed(4))
    expect(ofKind(plan, 'fence.ordered')).toEqual([])
    expect(after.services[web]!.status!.note).toContain('bmc: no route; tried again in 6 s')
    expect(plan.nextRoundMs).toBeLessThanOrEqual(nowMs + 6_000)
  })
})
