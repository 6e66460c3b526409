// Guarantees about commands that concern a node or the whole cluster: each has an end and a reason (D5), and nothing that
// cannot be done in a disarmed cluster is accepted and lost.
import { beforeAll, describe, expect, test } from 'vitest'
import { runRound } from '../../control-plane/crm/round.ts'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import { postgresRoundStore } from '../../control-plane/store/round-store.ts'
import { systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'
import { addNode, service, testApi, wishes } from './harness.ts'

const api = testApi()

beforeAll(async () => {
  for (const name of ['n1', 'n2']) await addNode(api, name)
  await addNode(api, 'away', { renewedMsAgo: 600_000, leaseLeftMs: -500_000 })
  await api.ask('POST', '/services', service('web', { requested: 'stopped' }))
  await round()
})

/** One round of the real CRM; the nodes have just renewed. */
async function round() {
  await api.sql`update lease set renewed_at = clock_timestamp(), reported_at = clock_timestamp()
    where lease_until > clock_timestamp()`
  const store = postgresRoundStore(api.sql, null)
  const [row] = await api.sql`select round::int from crm where cluster_id = ${api.clusterId}`
  const parts = { witness: new ClockWitness(), clock: systemClock(), random: systemRandom() }
  const done = await runRound({ store, replica: 'test', ...parts }, api.clusterId, row!.round)
  expect(done.kind).toBe('done')
}

const command = async (uid: string) => (await api.ask('GET', `/commands/${uid}`)).body
const fencing = async () => (await api.ask('GET', '/status')).body.fencing

async function refused(asked: [string, string, unknown, number, string][]) {
  const before = await wishes(api)
  for (const [method, path, body, status, code] of asked) {
    const answer = await api.ask(method, path, body)
    expect([path, answer.status, answer.body?.code]).toEqual([path, status, code])
  }
  expect(await wishes(api)).toBe(before)
}

describe('disarming and arming', () => {
  test('arming an armed cluster is refused, and so is a mode that does not exist', async () => {
    await refused([
      ['POST', '/arm', undefined, 409, 'not-disarmed'],
      ['POST', '/disarm', { mode: 'sleep' }, 422, 'invalid'],
      ['POST', '/disarm', {}, 422, 'invalid'],
    ])
    expect(await fencing()).toEqual({ state: 'armed', mode: null, waitsFor: '' })
  })

  test('takes an admin to disarm, and an operator to arm', async () => {
    const operator = api.as(await api.token('operator', api.clusterId))
    const viewer = api.as(await api.token('viewer', api.clusterId))
    expect((await operator('POST', '/disarm', { mode: 'freeze' })).status).toBe(403)
    expect((await viewer('POST', '/arm')).status).toBe(403)
    expect((await operator('POST', '/arm')).body.code).toBe('not-disarmed')
  })

  test('is done when every node that answers has let go of its watchdog, and says for whom it waits', async () => {
    const asked = await api.ask('POST', '/disarm', { mode: 'freeze' })
    expect(asked).toMatchObject({
      status: 202,
      body: { kind: 'disarm', sid: null, status: 'pending' },
    })
    await round()
    expect(await command(asked.body.uid)).toMatchObject({ status: 'running' })
    expect(await fencing()).toEqual({
      state: 'disarming',
      mode: 'freeze',
      waitsFor: 'waits for n1 n2 to let go of the watchdog',
    })
    await api.sql`update lease set mode = 'disarm', armed = false where boot_id like 'boot-n%'`
    await round()
    expect(await command(asked.body.uid)).toMatchObject({
      status: 'done',
      reason: 'disarmed in mode freeze',
    })
    expect(await fencing()).toMatchObject({ state: 'disarmed', waitsFor: '' })
    const { body } = await api.ask('GET', '/status')
    expect(body.services).toMatchObject([{ sid: 'process:web', crmState: 'freeze' }])
  })

  test('while it is disarmed whatever could not be done is refused, and nothing is lost', async () => {
    await refused([
      ['POST', '/disarm', { mode: 'ignore' }, 409, 'already-disarmed'],
      ['POST', '/nodes/n1/maintenance', { enabled: true }, 409, 'disarmed'],
      ['POST', '/services/process:web/relocate', { node: 'n2' }, 409, 'disarmed'],
      ['POST', '/services/process:web/migrate', { node: 'n2' }, 409, 'disarmed'],
      ['POST', '/services/process:web/restart', undefined, 409, 'disarmed'],
    ])
    expect((await api.ask('POST', '/nodes/n1/maintenance', { enabled: false })).status).toBe(202)
    // A wish is taken down, and waits.
    const asked = await api.ask('POST', '/services/process:web/disable')
    await round()
    expect(await command(asked.body.uid)).toMatchObject({ status: 'running' })
    expect(
      (await api.ask('POST', '/services', service('late', { requested: 'stopped' }))).status,
    ).toBe(201)
    await round()
    const { body } = await api.ask('GET', '/services/process:late')
    expect(body.status.state).toBe('queued')
  })

  test('arming is done when the nodes are under their watchdogs again; what was wished meanwhile is then done', async () => {
    const operator = api.as(await api.token('operator', api.clusterId))
    const asked = await operator('POST', '/arm')
    await round()
    expect(await command(asked.body.uid)).toMatchObject({ status: 'running' })
    expect((await fencing()).waitsFor).toBe('waits for n1 n2 to arm again')
    await api.sql`update lease set mode = 'active', armed = true where boot_id like 'boot-n%'`
    await round()
    expect(await command(asked.body.uid)).toMatchObject({ status: 'done' })
    const { body } = await api.ask('GET', '/status')
    expect(body.services).toMatchObject([
      { sid: 'process:late', crmState: 'stopped' },
      { sid: 'process:web', crmState: 'stopped', requested: 'disabled' },
    ])
    const open = await api.ask('GET', '/commands?open=true')
    expect(open.body).toEqual([])
  })

  test('a dry run says what would happen, and disarms nothing', async () => {
    const answer = await api.ask('POST', '/disarm?dryRun=true', { mode: 'ignore' })
    expect(answer.body).toMatchObject({ dryRun: true, would: { status: 202 } })
    expect(answer.body.changes.join('\n')).toContain('cluster: disarming')
    expect((await fencing()).state).toBe('armed')
  })
})

describe('the maintenance of a node', () => {
  test('is asked of a node that answers, and is done when nothing runs there any more', async () => {
    await refused([
      ['POST', '/nodes/nowhere/maintenance', { enabled: true }, 404, 'unknown-node'],
      ['POST', '/nodes/away/maintenance', { enabled: true }, 409, 'node-not-online'],
    ])
    const asked = await api.ask('POST', '/nodes/n2/maintenance', { enabled: true })
    expect(asked.body).toMatchObject({ kind: 'maintenance-on', node: 'n2', status: 'pending' })
    expect((await api.ask('GET', '/nodes/n2')).body.maintenanceRequested).toBe(true)
    await round()
    expect(await command(asked.body.uid)).toMatchObject({
      status: 'done',
      reason: 'nothing runs on it any more',
    })
    const back = await api.ask('POST', '/nodes/n2/maintenance', { enabled: false })
    await round()
    expect(await command(back.body.uid)).toMatchObject({
      status: 'done',
      reason: 'it is used again',
    })
  })
})

test('the shutdown policy is a setting', async () => {
  const set = await api.ask('PATCH', '/settings', { shutdownPolicy: 'migrate' })
  expect(set.body.settings.shutdownPolicy).toBe('migrate')
  await refused([['PATCH', '/settings', { shutdownPolicy: 'sometimes' }, 422, 'invalid']])
  await round()
  const documents = await api.sql`select document->>'shutdownPolicy' as policy from desired`
  expect(documents.every(({ policy }) => policy === 'migrate')).toBe(true)
})
