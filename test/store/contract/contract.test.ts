// One contract, two stores: whatever is done to clusters in Postgres and in memory, in whatever order, both answer alike
// and show the same cluster. The simulator and dry runs rest on this.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { profileSettings } from '../../../control-plane/store/bootstrap.ts'
import { takenOverFrom } from '../../../control-plane/cluster/taken-over.ts'
import type { ClusterView } from '../../../control-plane/cluster/view.ts'
import { testDatabase } from '../../database.ts'
import { memorySide } from './memory-side.ts'
import { postgresSide, setTime, tellTheTime } from './postgres-side.ts'
import { beganMs, SharedClock, type Side } from './side.ts'
import { doStep, newMemory } from './do-step.ts'
import { asksEpoch, renews, round, type Step, step } from './steps.ts'

const database = testDatabase()
const clock = new SharedClock()
const open: Side[] = []
let counter = 0

beforeAll(() => tellTheTime(database.sql, clock))
afterAll(async () => {
  await Promise.all(open.map((side) => side.close()))
})

async function bothSides(): Promise<[Side, Side]> {
  counter += 1
  clock.nowMs = beganMs
  await setTime(database.sql, clock)
  const afterFence = counter % 2 === 0 ? 'leave-off' : 'power-on'
  const settings = { ...profileSettings('default'), afterFence } as const
  const name = `contract-${counter}`
  const inPostgres = await postgresSide(database.url, settings, name)
  open.push(inPostgres)
  return [inPostgres, memorySide(clock, settings, { id: inPostgres.clusterId, name })]
}

/** Absent and null mean the same in a view. */
function plain(value: unknown): unknown {
  if (value === null || value === undefined) return null
  const text = JSON.stringify(value, (_key, one: unknown) => (one === null ? undefined : one))
  return JSON.parse(text)
}

const three = [0, 1, 2]
const adds = (sid: number): Step => ({
  ...{ what: 'add', sid, node: 0, requested: 'started', kind: 'enable', group: false },
  adopts: false,
})

/** A site at work: three nodes with leases, three services that run. */
const beginning: Step[] = [
  ...three.map((node): Step => ({ what: 'join', node, token: 'good' })),
  round,
  ...three.map((node) => asksEpoch(node, 'none')),
  round,
  ...three.map((node) => asksEpoch(node, 'current')),
  round,
  ...three.map(renews),
  ...three.map(adds),
  ...[round, round, ...three.map(renews), round, ...three.map(renews), round, round],
  ...[...three.map(renews), round, ...three.map(renews), round],
]

async function play(steps: Step[]): Promise<ClusterView> {
  const [postgres, memory] = await bothSides()
  const said = [newMemory(), newMemory()]
  for (const [at, one] of [...beginning, ...steps].entries()) {
    clock.nowMs += one.what === 'advance' ? one.ms : 1
    await setTime(database.sql, clock)
    const answers = [
      await doStep(postgres, said[0]!, clock, one),
      await doStep(memory, said[1]!, clock, one),
    ]
    const where = `step ${at}, ${JSON.stringify(one)}`
    expect(plain(answers[1]), where).toEqual(plain(answers[0]))
    expect(plain(await memory.all()), where).toEqual(plain(await postgres.all()))
  }
  const last = await postgres.view()
  await postgres.close()
  return last
}

const devices = three.map(
  (node): Step => ({ ...{ what: 'device', node, feed: 0 }, ...{ reads: 'off', isLate: false } }),
)
const carriesOut = three.map(
  (node): Step => ({ ...{ what: 'carryOut', node, feed: 0 }, ...{ reads: 'off', isLate: false } }),
)
const passes = (ms: number): Step => ({ what: 'advance', ms }) as Step

test('a node is switched off by its devices alike in both', { timeout: 120_000 }, async () => {
  // n3 alone falls silent.
  const others: Step[] = [renews(0), renews(1)]
  const { services } = await play([
    ...[...devices, passes(9_500), ...others, round, passes(9_500), ...others, round, round],
    ...[...carriesOut, round, ...others, round],
  ])
  const holders = Object.values(services).flatMap(({ grant }) => grant?.holders ?? [])
  expect(holders.map(({ node }) => node).sort()).toEqual(['n1', 'n1', 'n2'])
})

test('a person vouches again for a dead node that something is taken over from, alike in both', async () => {
  const confirms = { what: 'confirmDead', node: 2, sid: 0, flag: true, which: 'restarted' } as Step
  const others: Step[] = [renews(0), renews(1)]
  const takesOver = { ...adds(3), node: 2, adopts: true } as Step
  const { nodes, services } = await play([
    ...[passes(9_500), ...others, passes(9_500), ...others, round, confirms, round],
    ...[...others, takesOver, round, ...others, round, confirms],
  ])
  const { probeRound } = services['process:d']!.status!
  expect(probeRound).not.toBeNull()
  expect(nodes.n3!.lease.vouchedRound).toBeGreaterThanOrEqual(probeRound!)
})

test('what was granted before and is then taken over waits for its node, alike in both', async () => {
  const removes = { ...adds(0), what: 'remove' } as Step
  const takesOver = { ...adds(0), node: 2, adopts: true } as Step
  const before = (await play([])).services['process:a']!
  expect(before.lastGeneration).toBeGreaterThan(0)
  const { 'process:a': after } = (await play([removes, takesOver])).services
  expect(after!.config).toMatchObject({ adoptedFrom: 'n3', adoptedAfter: before.lastGeneration })
  expect(takenOverFrom(after!)).toBe('n3')
  expect(takenOverFrom({ ...after!, lastGeneration: before.lastGeneration! + 1 })).toBeNull()
})

test('equal steps give equal answers and equal clusters', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
      async (steps) => {
        await play(steps)
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 15), endOnFailure: true },
  )
})
