// What the world looks for is found: each check once against the very thing that it is there for.
import { expect, test } from 'vitest'
import type { Change } from '../../control-plane/cluster/change.ts'
import { edgeFaults } from './edges-kept.ts'
import { Numbers } from './numbers.ts'
import { proofFault } from './proof-kept.ts'
import { Strays } from './strays.ts'
import { Tally } from './tally.ts'
import { createWorld, type World } from './world.ts'

const sids = ['process:a', 'process:b', 'process:c']

function site(seed: string): World {
  const world = createWorld({ nodes: ['n1', 'n2', 'n3'], seed })
  world.at(4_000, () => {
    for (const sid of sids) void world.operator.add({ sid, spec: { command: ['x'] } })
  })
  return world
}

const found = (world: World) => world.checks.violations.map(({ what }) => what)
const stateOf = (world: World) => world.database.memory.cluster(1)

/** Writes behind everybody’s back. */
function forge(world: World, more: Partial<ReturnType<typeof stateOf>>): void {
  world.database.memory.clusters = { 1: { ...stateOf(world), ...more } }
}

test('what runs on past the lease of its machine is seen', async () => {
  const world = site('undead')
  world.at(20_000, () => {
    const machine = world.node('n1')
    machine.device.onFire = () => {}
    machine.isAgentWanted = false
    machine.crashAgent()
  })
  await world.run(120_000)
  expect(found(world)).toContainEqual(
    expect.stringMatching(/^n1 runs process:\w \d+ ms after its lease$/),
  )
  expect(world.nowMs).toBeLessThan(81_000)
})

test('a round whose number was there before is seen', async () => {
  const world = site('again')
  world.at(20_000, () => forge(world, { round: stateOf(world).round - 3 }))
  await world.run(40_000)
  expect(found(world)).toContainEqual(expect.stringMatching(/^round \d+ is committed after round/))
})

test('a generation, and a lease epoch, that was allotted in any history before is seen', () => {
  const world = site('number')
  const before = stateOf(world)
  const numbers = new Numbers(before)
  const granted = { kind: 'grant.opened', sid: 'process:a', node: 'n1', epoch: 1, why: '' } as const
  const opened = { kind: 'lease.opened' as const, node: 'n1', bootId: 'b', adopts: [], why: '' }
  const faults = (changes: Change[]) => numbers.faultsOf(before, before, changes)
  expect(
    faults([
      { ...granted, generation: 4 },
      { ...opened, epoch: 2 },
    ]),
  ).toEqual([])
  numbers.onFailover(before)
  expect(faults([{ ...granted, generation: 4 }])).toEqual([
    'generation 4 of process:a was allotted before',
  ])
  expect(faults([{ ...opened, epoch: 2 }])).toEqual(['lease epoch 2 of n1 was opened before'])
})

test('a hand laid on what a disarmed cluster leaves alone is seen', async () => {
  const world = site('frozen')
  world.at(20_000, () => void world.operator.disarm('freeze'))
  world.at(60_000, () => {
    const machine = world.machines.find((one) => one.guests.running.has('process:a'))!
    void machine.agent!.drivers[0]!.stop('process:a', 0)
  })
  await world.run(90_000)
  expect(found(world)).toEqual([
    expect.stringMatching(/^n\d begins to stop process:a while it is disarmed$/),
  ])
})

test('evidence of what is not dead is seen', async () => {
  const world = site('evidence')
  world.at(20_000, () => {
    const { services } = stateOf(world)
    const grant = { ...services['process:a']!.grant!, holders: [] }
    forge(world, { services: { ...services, 'process:a': { ...services['process:a']!, grant } } })
  })
  await world.run(40_000)
  expect(found(world)[0]).toMatch(/^grant \d+ of process:a on n\d was closed, and it is there/)
})

/** Whatever runs there as `process:a` ends and starts again, in one moment. */
function startAgain(world: World, before: (machine: World['machines'][number]) => void): void {
  const machine = world.machines.find((one) => one.guests.running.has('process:a'))!
  before(machine)
  const { generation } = machine.guests.running.get('process:a')!
  machine.guests.end('process:a')
  machine.guests.start('process:a', generation, 10, 'running')
}

test('a start that no watchdog guards is seen', async () => {
  const world = site('unguarded')
  world.at(20_000, () => startAgain(world, (machine) => machine.device.stop()))
  await world.run(30_000)
  expect(found(world)).toEqual([
    expect.stringMatching(/^process:a starts on n\d, and no watchdog counts there$/),
  ])
})

test('a start under a grant that another boot held is seen', async () => {
  const world = site('other boot')
  world.at(20_000, () =>
    startAgain(world, ({ name }) => {
      const { nodes } = stateOf(world)
      const [uid, node] = Object.entries(nodes).find(([, one]) => one.view.name === name)!
      const lease = { ...node.view.lease, bootId: 'another' }
      forge(world, { nodes: { ...nodes, [uid]: { ...node, view: { ...node.view, lease } } } })
      world.checks.onCommit([])
    }),
  )
  await world.run(30_000)
  expect(found(world)).toContainEqual(
    expect.stringMatching(/^process:a starts on n\d under a grant that another boot of it held$/),
  )
})

test('a proof that a boot is over is seen for what it is while that boot goes on', async () => {
  const world = site('proof')
  await world.run(20_000)
  const machine = world.node('n1')
  const facts = { bootId: machine.bootId, oldBootId: machine.bootId }
  const said = (evidence: 'device-off' | 'new-boot' | 'watchdog-deadline', about = facts) =>
    proofFault(
      {
        ...{ kind: 'evidence.recorded', node: 'n1', epoch: 1, scope: null, why: '' },
        ...{ evidence, facts: about },
      },
      machine,
      world.checks,
    )
  expect(said('device-off')).toMatch(/its boot is still on$/)
  expect(said('new-boot')).toMatch(/the old boot is still on$/)
  expect(said('watchdog-deadline')).toMatch(/its lease lasts for \d+ ms$/)
  const another = { bootId: 'another', oldBootId: 'another' }
  for (const evidence of ['device-off', 'new-boot', 'watchdog-deadline'] as const)
    expect(said(evidence, another)).toBeNull()
})

test('a step that no edge leads along, or that begins elsewhere, is seen', () => {
  const world = site('edges')
  const step = { kind: 'service.state', sid: 'process:a', set: {}, why: 'test' } as const
  const before = stateOf(world)
  const status = { state: 'stopped' } as never
  const service = { sid: 'process:a', config: null, status, grant: null, everGranted: false }
  const known = { ...before, services: { 'process:a': service } }
  expect(edgeFaults(known, [{ ...step, from: 'stopped', to: 'request_start' }])).toEqual([])
  expect(edgeFaults(known, [{ ...step, from: 'stopped', to: 'recovery' }])).toEqual([
    'process:a goes from stopped to recovery',
  ])
  expect(edgeFaults(known, [{ ...step, from: 'started', to: 'fence' }])).toEqual([
    'process:a goes from started to fence, and was stopped',
  ])
})

test('what runs for long without a grant is seen, and what is left alone on purpose is not', async () => {
  const world = site('stray')
  await world.run(20_000)
  const strays = new Strays(new Tally())
  const { services } = stateOf(world)
  const lost = { ...services['process:a']!, grant: null }
  const state = { ...stateOf(world), services: { ...services, 'process:a': lost } }
  const look = (nowMs: number, isLeft = false) =>
    strays.look(nowMs, world.machines, state, () => isLeft)
  expect([look(20_000), look(200_000)]).toEqual([[], []])
  expect(look(500_000)).toEqual([
    expect.stringMatching(/^n\d has run process:a as generation \d without a grant for 480 s$/),
  ])
  expect([look(900_000, true), look(910_000)]).toEqual([[], []])
})
