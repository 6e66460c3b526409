// Whatever a desired document follows from, a change of it has the document made again.
import { describe, expect, test } from 'vitest'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { nodesToWrite, remember } from '../../control-plane/store/view/desired-memory.ts'
import { aNode, aService, buildView } from '../decide/build-view.ts'

const before = buildView({
  nodes: [aNode('n1'), aNode('n2'), aNode('n3')],
  services: [aService('process:a', 'n1'), aService('process:b', 'n2')],
})
const stored = { n1: 'd1', n2: 'd2', n3: 'd3' }
const memory = remember(before, stored, '')

const withService = (change: Partial<ClusterView['services'][string]>): ClusterView => ({
  ...before,
  services: {
    ...before.services,
    'process:a': { ...before.services['process:a']!, ...change },
  },
})
const a = before.services['process:a']!
const withNode = (change: Partial<ClusterView['nodes'][string]>): ClusterView => ({
  ...before,
  nodes: { ...before.nodes, n1: { ...before.nodes.n1!, ...change } },
})
const n1 = before.nodes.n1!

describe('documents are made again', () => {
  test.each<[string, ClusterView, string[]]>([
    ['for none, where nothing is another', before, []],
    ['for none, where only time has passed', { ...before, nowMs: 5e6, round: 201 }, []],
    ['where a wish is another', withService({ config: { ...a.config!, maxRestart: 7 } }), ['n1']],
    ['where a status is another', withService({ status: { ...a.status!, uid: 'new' } }), ['n1']],
    [
      'where a service came from, and where it went',
      withService({ status: { ...a.status!, node: 'n3' } }),
      ['n1', 'n3'],
    ],
    [
      'at the target of a move',
      withService({ status: { ...a.status!, target: 'n2' } }),
      ['n1', 'n2'],
    ],
    [
      'at every holder of a grant',
      withService({
        grant: { ...a.grant!, holders: [{ node: 'n3', epoch: 3, confirmed: true }] },
      }),
      ['n1', 'n3'],
    ],
    [
      'everywhere, while a service is asked for everywhere',
      withService({ status: { ...a.status!, probeRound: 201 } }),
      ['n1', 'n2', 'n3'],
    ],
    ['where a service is gone', { ...before, services: {} }, ['n1', 'n2']],
    ['where a node reported anew', withNode({ report: { ...n1.report! } }), ['n1']],
    ['where a node has another epoch', withNode({ lease: { ...n1.lease, epoch: 4 } }), ['n1']],
    ['where a node is to be emptied', withNode({ maintenanceRequested: true }), ['n1']],
    [
      'everywhere, when the settings are others',
      { ...before, settings: { ...before.settings, maxWorkers: 9 } },
      ['n1', 'n2', 'n3'],
    ],
    [
      'everywhere, under another plane epoch',
      { ...before, planeEpoch: { ...before.planeEpoch, number: 2 } },
      ['n1', 'n2', 'n3'],
    ],
    [
      'everywhere, when the cluster is disarmed',
      { ...before, disarm: { mode: 'freeze', state: 'disarming', sinceMs: 0, effectiveMs: null } },
      ['n1', 'n2', 'n3'],
    ],
  ])('%s', (_, view, names) => {
    expect(nodesToWrite(memory, view, stored, '')).toEqual(names)
  })

  const says = (...sids: string[]) => ({
    ...n1.report!,
    running: sids.map((sid) => ({ sid, generation: 2, state: 'running' as const, stable: true })),
  })

  test('where another node says, or says no more, that it runs what is granted to this one', () => {
    const strayed = withNode({ report: says('process:b') })
    expect(nodesToWrite(memory, strayed, stored, '')).toEqual(['n1', 'n2'])
    const remembered = remember(strayed, stored, '')
    const gone = withNode({ report: says() })
    expect(nodesToWrite(remembered, gone, stored, '')).toEqual(['n1', 'n2'])
    expect(nodesToWrite(remembered, strayed, stored, '')).toEqual([])
  })

  test('where another node has a new epoch, under which what it said counts no more', () => {
    const strayed = withNode({ report: says('process:b') })
    const remembered = remember(strayed, stored, '')
    const lease = { ...n1.lease, epoch: 4 }
    const again = withNode({ report: strayed.nodes.n1!.report, lease })
    expect(nodesToWrite(remembered, again, stored, '')).toEqual(['n1', 'n2'])
  })

  test('at both nodes of a move, whichever of them has news', () => {
    const holders = ['n1', 'n2'].map((node) => ({ node, epoch: 3, confirmed: true }))
    const moving = withService({ grant: { ...a.grant!, holders } })
    const remembered = remember(moving, stored, '')
    const n2 = moving.nodes.n2!
    const nodes = { ...moving.nodes, n2: { ...n2, report: says('process:a') } }
    expect(nodesToWrite(remembered, { ...moving, nodes }, stored, '')).toEqual(['n1', 'n2'])
  })

  test('at all that run one that is granted to none of them', () => {
    const n3 = before.nodes.n3!
    const nodes = { ...before.nodes, n3: { ...n3, report: says('process:b') } }
    const one = { ...before, nodes }
    const remembered = remember(one, stored, '')
    const two = { ...one, nodes: { ...nodes, n1: { ...n1, report: says('process:b') } } }
    expect(nodesToWrite(remembered, two, stored, '')).toEqual(['n1', 'n2', 'n3'])
  })

  test('where the database has another one: a round that was thrown away saved nothing', () => {
    expect(nodesToWrite(memory, before, { ...stored, n2: 'older' }, '')).toEqual(['n2'])
  })

  test('for all, where nothing is remembered', () => {
    expect(nodesToWrite(null, before, stored, '')).toEqual(['n1', 'n2', 'n3'])
  })
})
