// Fence devices by the API: which are believed, who may set them up, and that no secret ever comes out again.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bmc, machine, startBmc } from '../fence/redfish-server.ts'
import { addNode, testApi } from './harness.ts'

const api = testApi()
let bmc: Bmc
const path = '/nodes/n1/fence-devices/bmc'

const hardwareIds = {
  n1: machine.UUID.toLowerCase(),
  n2: crypto.randomUUID(),
  odd: 'a-machine-id',
}

beforeAll(async () => {
  bmc = await startBmc()
  for (const name of ['n1', 'n2', 'odd']) await addNode(api, name)
  for (const [name, id] of Object.entries(hardwareIds))
    await api.sql`update node set hardware_id = ${id} where name = ${name}`
})
afterAll(() => bmc.close())

const redfish = (more: Record<string, unknown> = {}, options: Record<string, unknown> = {}) => ({
  kind: 'redfish',
  options: { url: bmc.url, user: 'fence', pin: bmc.pin, ...options },
  secret: { password: 'geheim' },
  ...more,
})
const nowhere = { url: 'https://127.0.0.1:1' }

describe('a fence device', () => {
  test('that speaks of the machine that its node says it is, is believed, listed, tested and removed', async () => {
    const made = await api.ask('PUT', path, redfish())
    const expects = { uuid: machine.UUID, serial: machine.SerialNumber }
    expect(made).toMatchObject({ status: 200, body: { name: 'bmc', expects, warnings: [] } })
    const listed = await api.ask('GET', '/nodes/n1/fence-devices')
    expect(listed.body).toEqual([
      {
        ...{ name: 'bmc', kind: 'redfish', expects },
        options: { url: bmc.url, user: 'fence', pin: bmc.pin, system: null },
      },
    ])
    const tested = await api.ask('POST', `${path}/test`)
    expect(tested.body).toEqual({
      ...{ name: 'bmc', state: 'on', identity: expects, isExpected: true, fault: '' },
    })
    expect(bmc.asked.some((asked) => asked.startsWith('POST'))).toBe(false)
    const status = await api.ask('GET', '/status')
    expect(status.body.nodes[0]).toMatchObject({ fenceDevices: [{ name: 'bmc', kind: 'redfish' }] })
    expect((await api.ask('DELETE', path)).status).toBe(204)
    expect((await api.ask('GET', '/nodes/n1/fence-devices')).body).toEqual([])
    expect((await api.ask('DELETE', path)).body.code).toBe('unknown-device')
  })

  test.each([
    ['of another machine than its node', 'n2', {}, {}, 'other-machine'],
    ['to a node whose own word cannot be compared', 'odd', {}, {}, 'identity-unknown'],
    [
      'that cannot be reached, of which nobody says which machine it is of',
      'n1',
      {},
      nowhere,
      'device-unreachable',
    ],
    [
      'of another machine than it must be of',
      'n1',
      { expects: { serial: 'SN-1' } },
      {},
      'other-machine',
    ],
    [
      'of another node, whose serial it is said to have',
      'n2',
      { expects: { serial: machine.SerialNumber } },
      {},
      'other-machine',
    ],
    [
      'named by the uuid of another node, while it cannot be reached',
      'n2',
      { expects: { uuid: machine.UUID } },
      nowhere,
      'other-machine',
    ],
    ['of no machine', 'n1', { expects: {} }, {}, 'invalid'],
  ])('%s is refused, and nothing is kept', async (_, node, more, options, code) => {
    const answer = await api.ask('PUT', `/nodes/${node}/fence-devices/bmc`, redfish(more, options))
    expect(answer.body.code).toBe(code)
    expect((await api.ask('GET', `/nodes/${node}/fence-devices`)).body).toEqual([])
  })

  test('that cannot be reached just now is taken where its machine is named, with a warning', async () => {
    const wish = redfish({ expects: { serial: 'SN-9' } }, nowhere)
    const made = await api.ask('PUT', '/nodes/n2/fence-devices/bmc', wish)
    expect(made.body.warnings[0]).toContain('it was not reached')
    const tested = await api.ask('POST', '/nodes/n2/fence-devices/bmc/test')
    expect(tested.body).toMatchObject({ state: null, isExpected: false })
    expect(tested.body.fault).toContain('ECONNREFUSED')
  })

  test('named by another uuid than its node says of itself is taken with a warning that names both', async () => {
    const uuid = '77777777-2222-4333-8444-555555555555'
    const elsewhere = '/nodes/n2/fence-devices/elsewhere'
    const made = await api.ask('PUT', elsewhere, redfish({ expects: { uuid } }, nowhere))
    const [, warning] = made.body.warnings
    expect(warning).toContain(`node n2 says of itself ${hardwareIds.n2}`)
    expect(warning).toContain(`is to speak of uuid ${uuid}`)
    const odd = await api.ask(
      'PUT',
      '/nodes/odd/fence-devices/elsewhere',
      redfish({ expects: { uuid } }, nowhere),
    )
    expect(odd.body.warnings).toHaveLength(1)
    expect((await api.ask('DELETE', elsewhere)).status).toBe(204)
    expect((await api.ask('DELETE', '/nodes/odd/fence-devices/elsewhere')).status).toBe(204)
  })

  test('that says off of a node that is online is taken with a warning', async () => {
    bmc.power = 'Off'
    const made = await api.ask('PUT', path, redfish())
    expect(made.body.warnings[0]).toContain('it may be the wrong one')
    bmc.power = 'On'
  })

  test.each([
    ['without encryption', redfishOf({ url: 'http://bmc.example' }), 'options.url'],
    [
      'with a password in its address',
      redfishOf({ url: 'https://a:b@bmc.example' }),
      'options.url',
    ],
    ['with a pin that is none', redfishOf({ pin: 'abc' }), 'options.pin'],
    ['without a password', { ...redfishOf({}), secret: {} }, 'secret.password'],
    ['of an unknown kind', { kind: 'ipmi', options: {} }, 'kind'],
    [
      'by a program that is no fence agent',
      { kind: 'fence-agent', options: { agent: 'sh', plug: '1' } },
      'options.agent',
    ],
    ['with a command in its address', libvirt('qemu+ssh://h/system?command=/bin/x'), 'options.uri'],
    [
      'with options for virsh as its domain',
      { ...libvirt('qemu:///system'), options: { uri: 'qemu:///system', domain: '--x' } },
      'options.domain',
    ],
  ])('%s is told which field is wrong', async (_, body, field) => {
    const answer = await api.ask('PUT', path, body)
    expect(answer.status).toBe(422)
    expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field)
  })

  test('is set up by administrators only; a dry run sets up nothing', async () => {
    const operator = api.as(await api.token('operator', null))
    const dry = '/nodes/n1/fence-devices/dry'
    expect((await operator('PUT', dry, redfish())).status).toBe(403)
    expect((await operator('DELETE', path)).status).toBe(403)
    expect((await api.ask('PUT', `${dry}?dryRun=true`, redfish())).body).toMatchObject({
      dryRun: true,
    })
    const names = (await api.ask('GET', '/nodes/n1/fence-devices')).body.map(
      (one: { name: string }) => one.name,
    )
    expect(names).toEqual(['bmc'])
  })

  test('of a simulated kind exists in development clusters only', async () => {
    await api.sql`update cluster set development = false where name = 'lab'`
    const wish = { kind: 'simulated', options: { folder: '/tmp' }, expects: { serial: 'x' } }
    expect((await api.ask('PUT', path, wish)).body.errors[0].field).toBe('kind')
    await api.sql`update cluster set development = true where name = 'lab'`
  })

  test('keeps its secret from every answer, the audit log, events, rounds and the view', async () => {
    const password = 'zz-never-seen-zz'
    await api.ask('PUT', '/nodes/n2/fence-devices/bmc', {
      ...redfish({ expects: { serial: 'SN-9' } }, nowhere),
      secret: { password },
    })
    const answers = [
      '/nodes/n2/fence-devices',
      '/nodes',
      '/status',
      '/why/n2',
      '/events',
      '/audit',
      '/rounds',
    ]
    for (const one of answers) expect((await api.ask('GET', one)).text).not.toContain(password)
    const wrong = await api.ask('PUT', '/nodes/n2/fence-devices/bmc', {
      kind: 'redfish',
      options: {},
      secret: { password, more: password },
    })
    expect(wrong.status).toBe(422)
    expect(wrong.text).not.toContain(password)
    const { loadView } = await import('../../control-plane/store/load-view.ts')
    expect(JSON.stringify(await loadView(api.sql, api.clusterId))).not.toContain(password)
    const [kept] =
      await api.sql`select secret from fence_device where name = 'bmc' and secret->>'password' = ${password}`
    expect(kept).toBeDefined()
  })

  test('goes with its node, and its secret too', async () => {
    await addNode(api, 'leaving', { renewedMsAgo: null })
    await api.ask(
      'PUT',
      '/nodes/leaving/fence-devices/bmc',
      redfish({ expects: { serial: 'x' } }, nowhere),
    )
    expect((await api.ask('DELETE', '/nodes/leaving')).status).toBe(204)
    const left = await api.sql`
      select from fence_device f join node n on n.uid = f.node_uid where n.name = 'leaving'`
    expect(left).toHaveLength(0)
  })
})

function redfishOf(options: Record<string, unknown>) {
  return {
    kind: 'redfish',
    options: { url: 'https://bmc.example', user: 'fence', ...options },
    secret: { password: 'geheim' },
  }
}

function libvirt(uri: string) {
  return { kind: 'libvirt', options: { uri, domain: 'n1' } }
}
