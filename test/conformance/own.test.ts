// What recordings may hold that none of those beside the project does: locked guests, moves that fail by a stop, guests that
// were moved by hand while they were off, records of what is configured no more, nodes that were never on.
import { describe, expect, test } from 'vitest'
import { play, type Played } from './run.ts'
import { ScenarioFile } from './scenario-file.ts'

type Given = {
  services: Record<string, { node: string; state: string }>
  faults?: Record<string, object>
  status?: Record<string, object>
  on?: string[]
  schedule: [t: number, cmd: string][]
}

const names = ['node1', 'node2', 'node3']
const well = { start_failures_before_success: 0, move_failures_before_success: 0 }

async function played({
  services,
  faults = {},
  status,
  on = names,
  schedule: later,
}: Given): Promise<Played> {
  const start = on.map((node) => ({ t: 20, cmd: `power ${node} on` }))
  const given = {
    ...{ rules: null, groups: null, datacenter: null, static_stats: null, dynamic_stats: null },
    nodes: Object.fromEntries(names.map((name) => [name, { power: 'off', network: 'off' }])),
    services_effective: services,
    manager_status: status ? { service_status: status } : null,
    faults: Object.fromEntries(
      Object.entries(faults).map(([sid, fault]) => [
        sid,
        { ...well, stop_always_fails: false, only_on_node: null, ...fault },
      ]),
    ),
  }
  const schedule = [...start, ...later.map(([t, cmd]) => ({ t, cmd }))]
  const file = ScenarioFile.parse({ name: 'own', inputs: given, schedule, endAtSeconds: 720 })
  const result = await play(file)
  expect(result.played.violations).toEqual([])
  return result.played
}

const one = (state = 'started') => ({ 'vm:103': { node: 'node3', state } })

describe('a recording with', () => {
  test('a locked guest: it is neither stopped nor moved', async () => {
    const relocated = await played({
      services: one(),
      schedule: [
        [120, 'service vm:103 lock'],
        [220, 'service vm:103 relocate node1'],
      ],
    })
    expect(relocated.actions['vm:103']).toEqual([
      ['node3', 'start', 'ok'],
      ['node3', 'relocate', 'locked', 'node1'],
    ])
    const stopped = await played({
      services: one(),
      schedule: [
        [120, 'service vm:103 lock create'],
        [220, 'service vm:103 stopped'],
      ],
    })
    expect(stopped.actions['vm:103']?.at(-1)).toEqual(['node3', 'stop', 'locked'])
    expect(stopped.phases['vm:103']?.at(-1)).toEqual(['error', 'node3'])
  })

  test('a move by a stop that fails: it runs on, and moves the next time', async () => {
    const { actions } = await played({
      services: { 'fa:101': { node: 'node3', state: 'started' } },
      faults: { 'fa:101': { move_failures_before_success: 1 } },
      schedule: [
        [120, 'service fa:101 relocate node1'],
        [220, 'service fa:101 relocate node1'],
      ],
    })
    expect(actions['fa:101']).toEqual([
      ['node3', 'start', 'ok'],
      ['node3', 'relocate', 'failed', 'node1'],
      ['node3', 'relocate', 'ok', 'node1'],
      ['node1', 'start', 'ok'],
    ])
  })

  test('a guest that was moved by hand while it was off: it starts where it is now', async () => {
    const { phases } = await played({
      services: one('stopped'),
      schedule: [
        [120, 'service vm:103 manual-migrate node1'],
        [220, 'service vm:103 started'],
      ],
    })
    expect(phases['vm:103']).toEqual([
      ['down', 'node3'],
      ['down', 'node1'],
      ['up', 'node1'],
    ])
  })

  test('a record of what is configured no more: it is dropped', async () => {
    const status = { 'vm:102': { state: 'started', node: 'node2', running: 1 } }
    const { phases } = await played({ services: one(), status, schedule: [] })
    expect(phases['vm:102']).toEqual([['up', 'node2'], ['absent']])
  })

  test('a node that is never on: its service is recovered', async () => {
    const { phases } = await played({ services: one(), on: ['node1', 'node2'], schedule: [] })
    expect(phases['vm:103']?.map(([phase]) => phase)).toEqual(['up', 'recover', 'up'])
  })
})
