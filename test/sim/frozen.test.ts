// A whole site whose virtual machines are frozen and thawed while their owner trusts their watchdogs (rule 13): what the
// checks of the world allow them is one loop after they go on.
import { expect, test } from 'vitest'
import { createWorld, type World } from './world.ts'

const sids = ['process:a', 'process:b', 'process:c', 'process:d']

function site(seed: string, hasRtc = true): World {
  const world = createWorld({
    nodes: ['n1', 'n2', 'n3'].map((name) => ({ name, virtual: true, hasRtc })),
    settings: { trustVirtualWatchdog: true },
    seed,
  })
  world.at(4_000, () => {
    for (const sid of sids) void world.operator.add({ sid, spec: { command: ['x'] } })
  })
  return world
}

test.each(['1', '2', '3', '4'])(
  'nothing runs past its lease by more than one loop after a thaw, in drawn freezes, cuts and crashes (seed %s)',
  async (seed) => {
    const world = site(seed)
    const chance = world.chance.stream('freezes')
    let freezes = 0
    for (let atMs = 30_000; atMs < 3_000_000; atMs += chance.between(5_000, 90_000)) {
      const node = world.node(chance.pick(['n1', 'n2', 'n3']))
      // Shorter than what one step of an RTC hides is the documented limit; so long ones only.
      const forMs = chance.between(5_000, 200_000)
      world.at(atMs, () => {
        if (node.clock.isFrozen || !node.isOn) return
        freezes += 1
        node.freeze()
        if (chance.chance(0.3)) node.link.cut()
        if (chance.chance(0.2)) node.crashAgent()
      })
      world.at(atMs + forMs, () => node.thaw())
      world.at(atMs + forMs + chance.between(0, 30_000), () => node.link.heal())
    }
    await world.run(3_200_000)
    expect(world.checks.violations).toEqual([])
    expect(freezes).toBeGreaterThan(20)
    for (const machine of world.machines) {
      machine.thaw()
      machine.link.heal()
      machine.powerOn()
    }
    await world.run(400_000)
    expect(world.checks.violations).toEqual([])
    expect(Object.keys(world.running()).sort()).toEqual(sids)
  },
  60_000,
)

test('the world sees what a machine does that cannot know that it was frozen', async () => {
  const world = site('blind', false)
  world.at(30_000, () => world.node('n1').freeze())
  world.at(200_000, () => {
    world.node('n1').link.cut()
    world.node('n1').thaw()
  })
  await world.run(230_000)
  expect(world.checks.violations[0]?.what).toMatch(/^n1 (runs|feeds)/)
})
