// A copy that was adopted under another number than it bears (D8): whoever has forgotten the adoption finds it by the number it bears.
import { describe, expect, it } from 'vitest'
import { aNode, aService, buildView, nowMs, type ServiceChanges } from './build-view.ts'
import { ofKind, play } from './play.ts'

const web = 'process:web'

describe('an adopted copy', () => {
  const adopted: ServiceChanges = {
    status: { foundAs: 1 },
    grant: { generation: 9, holders: [{ node: 'n3', epoch: 3, confirmed: true }] },
  }
  const revoked = {
    ...{ epoch: 3, bootId: 'n3-boot-1', leaseUntilMs: nowMs, judgedUntilMs: nowMs },
    ...{ guarded: true, revokedMs: nowMs - 1_000 },
  }
  const joining = (found: { sid: string; generation: number; state: 'running' | 'unknown' }[]) => {
    const base = { bootId: 'n3-boot-1', nonce: 'x' }
    const n3 = aNode('n3', {
      state: 'unknown',
      lease: { epoch: 4, bootId: null, renewedMs: null },
      revocations: [revoked],
      challenge: { ...base, epoch: 4, questions: [{ sid: web, generation: 9 }], waitsFor: '' },
      epochRequest: { ...base, sameHardware: true, planeEpoch: 1, found, requestedMs: nowMs - 100 },
    })
    const nodes = [aNode('n1'), n3]
    return buildView({ nodes, services: [aService(web, 'n3', adopted)] })
  }

  it('is known again by the number it bears, when its agent has forgotten the adoption', () => {
    const v = joining([
      { sid: web, generation: 1, state: 'running' },
      { sid: web, generation: 9, state: 'unknown' },
    ])
    expect(ofKind(play(v).plan, 'lease.opened')).toMatchObject([
      { adopts: [{ sid: web, generation: 9 }] },
    ])
  })

  it('of any other number stays a doubt', () => {
    const v = joining([
      { sid: web, generation: 2, state: 'running' },
      { sid: web, generation: 9, state: 'unknown' },
    ])
    expect(ofKind(play(v).plan, 'lease.opened')).toEqual([])
  })
})
