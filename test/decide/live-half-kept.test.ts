// The target's half of a move that is no more: it is open for as long as its source may still be sending, for a job can lie with a
// daemon that no kill reaches, and what it sends must not come alive where nobody holds it (S4, S16).
import { describe, expect, it } from 'vitest'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { desiredForAll } from '../../control-plane/cluster/orders.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import type { ServiceState } from '../../shared/service.ts'
import type { RunningService } from '../../shared/protocol.ts'
import { disarming } from './disarm-rig.ts'
import {
  aMove,
  g2,
  n1,
  n2Runs,
  n2Waits,
  saying,
  silentGuestNode,
  vm,
  type Moving,
} from './live-views.ts'

const told = (state: ServiceState, moving: Moving) => {
  const view = aMove({ n2: n2Waits, ...moving, status: { state, target: null } })
  return desiredForAll(view)['n2']!.services.find(({ sid }) => sid === vm)?.state
}
const majority = { ...aMove().settings, quorum: 'majority' as const }
const n1Says = (state: RunningService['state']) => saying(n1, { running: { state } })

describe('a half of a move that is no more', () => {
  it.each(['migrating', 'stopping', 'unknown'] as const)(
    'is kept while its source is %s',
    (state) => {
      expect(told('started', { n1: n1Says(state) })).toBe('ignored')
      expect(told('error', { n1: n1Says(state) })).toBe('ignored')
    },
  )

  it('is kept while its source has not been heard under the lease it has now', () => {
    const source = n1Says('running')
    const later = { ...source, lease: { ...source.lease, epoch: source.lease.epoch + 1 } }
    expect(told('started', { n1: later })).toBe('ignored')
  })

  it('is ended once its source says that it runs there as before, or that nothing is there', () => {
    expect(told('started', { n1: n1Says('running') })).toBe('request_stop')
    expect(told('started', { n1: saying(n1, {}) })).toBe('request_stop')
  })

  it('is kept until its source has ended its own, where that one is to stop and may not have heard it yet', () => {
    for (const source of [n1Says('running'), n1Says('migrating'), saying(n1, {})])
      expect(told('request_stop', { n1: source })).toBe('ignored')
  })

  it('is ended at once where it has arrived', () => {
    expect(told('request_stop', { n1: n1Says('migrating'), n2: n2Runs })).toBe('request_stop')
  })

  it.each([
    ['in a quorate cluster', {}],
    ['without quorum', { quorate: false, settings: majority }],
    ['in a disarmed cluster', { disarm: disarming('ignore', { state: 'disarmed' }) }],
  ])(
    'outlives a source whose death a person vouched for, outside of any round: nothing is said to run there any more, %s',
    (_, changes: Partial<ClusterView>) => {
      const half = { node: 'n2', epoch: 3, confirmed: true }
      const view = aMove({
        n1: silentGuestNode('n1'),
        ...('settings' in changes && { n2: silentGuestNode('n2') }),
        status: { state: 'started', target: null, running: true },
        grant: { generation: g2, holders: [half] },
      })
      // Not played: what a person has closed is not whole before the next round.
      const change = { kind: 'service.changed', sid: vm, set: { running: false } }
      const { changes: decided } = decide({ ...view, ...changes })
      expect(decided).toContainEqual(expect.objectContaining(change))
    },
  )
})
