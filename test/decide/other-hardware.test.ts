// A spare machine that asks under the name of a node: its fence devices are those of the machine it replaces.
import { expect, it } from 'vitest'
import type { FenceDeviceView } from '../../control-plane/cluster/fence-view.ts'
import { aNode, buildView, leaseFrom, nowMs } from './build-view.ts'
import { bmc } from './fence-rig.ts'
import { ofKind, play } from './play.ts'

/** n3 holds nothing, and has answered what it was asked. */
function asking(sameHardware: boolean, fenceDevices: FenceDeviceView[]) {
  const until = leaseFrom(nowMs - 90_000)
  const lease = { epoch: 4, bootId: null, guarded: null, armed: false, renewedMs: nowMs - 90_000 }
  const n3 = aNode('n3', {
    ...{ state: 'unknown', fenceDevices },
    lease: { ...lease, judgedUntilMs: until, leaseUntilMs: until },
    challenge: { epoch: 4, bootId: 'spare', nonce: 'q', questions: [], waitsFor: '' },
    epochRequest: {
      ...{ bootId: 'spare', sameHardware, planeEpoch: 1, nonce: 'q', found: [] },
      requestedMs: nowMs,
    },
  })
  return play(buildView({ nodes: [aNode('n1'), n3] }))
}

it('other hardware gets no lease while fence devices would switch off the machine it replaces, and prove it dead by that (S17a)', () => {
  const { plan, after } = asking(false, [bmc])
  expect(ofKind(plan, 'lease.opened')).toEqual([])
  expect(after.nodes.n3!.note).toContain('other hardware than its fence devices switch off')
})

it.each([
  ['of other hardware without fence devices', false, []],
  ['of the same hardware', true, [bmc]],
] as const)('a machine %s gets its lease', (_, sameHardware, devices) => {
  expect(ofKind(asking(sameHardware, [...devices]).plan, 'lease.opened')).toHaveLength(1)
})
