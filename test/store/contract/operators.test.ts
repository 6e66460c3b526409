// The operators' routes on both stores: whatever is asked of them, in whatever order, rightly or wrongly, both answer alike,
// show the same cluster and the same audit log. Simulated operators rest on this.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { profileSettings } from '../../../control-plane/store/bootstrap.ts'
import { hashSecret } from '../../../control-plane/store/secrets.ts'
import type { Role } from '../../../shared/operator-api.ts'
import { testDatabase } from '../../database.ts'
import { asks, type Request, request } from './requests.ts'
import { doStep, newMemory } from './do-step.ts'
import { memorySide } from './memory-side.ts'
import { operatorsOf } from './operators-of.ts'
import { postgresSide, setTime, tellTheTime } from './postgres-side.ts'
import { beganMs, SharedClock, type Side } from './side.ts'
import { asksEpoch, renews, round, type Step } from './steps.ts'

const database = testDatabase()
const clock = new SharedClock()
const open: Side[] = []
let counter = 0

beforeAll(() => tellTheTime(database.sql, clock))
afterAll(async () => {
  await Promise.all(open.map((side) => side.close()))
})

const secretOf = (role: Role, name: string) => `hfo_${role}_${name}_0123456789`

async function bothSides(): Promise<[Side, Side]> {
  counter += 1
  clock.nowMs = beganMs
  await setTime(database.sql, clock)
  const settings = profileSettings('default')
  const name = `operators-${counter}`
  const inPostgres = await postgresSide(database.url, settings, name)
  open.push(inPostgres)
  const inMemory = memorySide(clock, settings, { id: inPostgres.clusterId, name })
  for (const role of ['viewer', 'operator', 'admin'] as const) {
    const id = inPostgres.random.uuid()
    inMemory.random.uuid()
    const token = { id, name: `a ${role}`, role, hash: hashSecret(secretOf(role, name)) }
    for (const side of [inPostgres, inMemory])
      await side.operatorToken({ ...token, everywhere: role === 'admin' })
  }
  return [inPostgres, inMemory]
}

const nodes = [0, 1, 2]
const sure = (path: string, body: object): Request => ({
  ...{ what: 'request', wish: { method: 'POST', path, body }, wrong: 'none' },
  ...{ dryRun: false, ifMatch: null, as: 'admin' },
})
const spec = { command: ['x'] }
const resources = ['process:a', 'process:b']
/** Nodes with leases, services that run, and a rule of each kind. */
const beginning: (Request | Step)[] = [
  ...nodes.map((node): Step => ({ what: 'join', node, token: 'good' })),
  ...[round, ...nodes.map((node) => asksEpoch(node, 'none')), round],
  ...[...nodes.map((node) => asksEpoch(node, 'current')), round, ...nodes.map(renews), round],
  ...['process:a', 'process:b', 'process:c'].map((sid) => sure('/services', { sid, spec })),
  sure('/groups', { name: 'red', nodes: { n1: 2, n2: 1 } }),
  sure('/rules', { id: 'pin', type: 'node-affinity', resources: ['process:c'], nodes: { n1: 1 } }),
  sure('/rules', { id: 'together', type: 'resource-affinity', affinity: 'positive', resources }),
  ...[round, round, ...nodes.map(renews), round, ...nodes.map(renews), round],
]

/** Absent and null mean the same in a view. */
function plain(value: unknown): unknown {
  if (value === null || value === undefined) return null
  const text = JSON.stringify(value, (_key, one: unknown) => (one === null ? undefined : one))
  return JSON.parse(text)
}

async function play(requests: (Request | Step)[]): Promise<number[]> {
  const sides = await bothSides()
  const memories = [newMemory(), newMemory()]
  const name = `operators-${counter}`
  const operators = sides.map((side) => operatorsOf(side, clock))
  const statuses: number[] = []
  for (const [at, one] of [...beginning, ...requests].entries()) {
    clock.nowMs += one.what === 'advance' ? (one as { ms: number }).ms : 1
    await setTime(database.sql, clock)
    const where = `${at}: ${JSON.stringify(one)}`
    const answers: unknown[] = []
    for (const [index, side] of sides.entries()) {
      if (one.what !== 'request') {
        answers.push(await doStep(side, memories[index]!, clock, one as Step))
        continue
      }
      const asked = asks(one as Request, (role) => secretOf(role, name), await side.view())
      const answer = await operators[index]!.ask(name, asked)
      answers.push(answer)
      if (index === 0) statuses.push(answer.status)
      expect(answer.status, `${where} ${JSON.stringify(answer.body)}`).toBeLessThan(500)
    }
    expect(plain(answers[1]), where).toEqual(plain(answers[0]))
    expect(plain(await sides[1].all()), where).toEqual(plain(await sides[0].all()))
    expect(plain(await sides[1].audit()), where).toEqual(plain(await sides[0].audit()))
    expect(operators[1]!.rung, where).toBe(operators[0]!.rung)
  }
  await sides[0].close()
  return statuses
}

test('equal requests give equal answers, clusters and audit logs', {
  timeout: 600_000,
}, async () => {
  const seen = new Set<number>()
  const between: fc.Arbitrary<Step> = fc.oneof(
    fc.constant(round),
    fc.nat(2).map(renews),
    fc.constantFrom(100, 9_500, 62_000).map((ms) => ({ what: 'advance', ms }) as Step),
  )
  const one = fc.oneof(
    { arbitrary: request, weight: 6 },
    { arbitrary: between as fc.Arbitrary<Request | Step>, weight: 2 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 20, maxLength: 80, size: 'max' }), async (all) => {
      for (const status of await play(all)) seen.add(status)
    }),
    { numRuns: Number(process.env.RUNS ?? 12), endOnFailure: true },
  )
  // It was no idle talk.
  for (const status of [200, 201, 202, 204, 401, 403, 404, 409, 412, 422])
    expect([...seen]).toContain(status)
})
