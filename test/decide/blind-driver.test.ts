// A driver of a node that hangs: whoever asks for the status is told which one, of which services, and where to look.
import { expect, test } from 'vitest'
import { nodeStatus } from '../../control-plane/cluster/status.ts'
import { aNode, aService, buildView } from './build-view.ts'
import { challenged, found } from './challenged.ts'
import { play } from './play.ts'

const drivers = ['process' as const, 'vm' as const]
const unknown = (sid: string) => ({ sid, generation: 1, state: 'unknown' as const, stable: false })

test('status names the services of a kind that cannot be told, and what its driver asks', () => {
  const n1 = aNode('n1', { drivers })
  const sids = ['vm:100', 'vm:101', 'process:a']
  n1.report!.running = sids.map(unknown)
  const services = sids.map((sid) => aService(sid, 'n1'))
  const view = buildView({ nodes: [n1, aNode('n2')], services })
  expect(nodeStatus(view, n1).warnings).toEqual([
    'cannot tell whether vm:100 vm:101 runs: its vm driver gets no answer there (virsh list, and libvirtd behind it), or finds remains: the agent’s log says which',
    expect.stringContaining('process:a runs: its process driver'),
  ])
  expect(nodeStatus(view, view.nodes.n2!).warnings).toEqual([])
  // Of an older lease nothing is known any more.
  n1.lease.epoch += 1
  expect(nodeStatus(view, n1).warnings).toEqual([])
})

test('a node that gets no lease because of one says so in its note', () => {
  const { after } = play(challenged({ found: found('unknown') }))
  expect(nodeStatus(after, after.nodes.n3!).note).toBe(
    'waits for n3 to settle what it still runs: cannot say yet whether process:web runs: its process driver gets no answer there (/proc), or finds remains: the agent’s log says which',
  )
})
