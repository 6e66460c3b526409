// Groups bind services to nodes; maintenance empties a node. Neither ever runs a service twice on the way.
import { describe, expect, test } from 'vitest'
import { Refused } from './operator.ts'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

const site = testSite({ nodes: 3 })
const bound = 'process:bound'
const home = 'process:home'
const settled = 'process:settled'

describe('groups', () => {
  test('services start on the preferred node of their group', async () => {
    const nodes = { n1: 2, n2: 1 }
    await site.operator.post('/groups', { name: 'only-one', nodes: { n1: 0 }, restricted: true })
    await site.operator.post('/groups', { name: 'failback', nodes })
    await site.operator.post('/groups', { name: 'settled', nodes, nofailback: true })
    await site.addService('bound', { group: 'only-one' })
    await site.addService('home', { group: 'failback' })
    await site.addService('settled', { group: 'settled' })
    for (const sid of [bound, home, settled]) await site.running(sid, (n) => n === 'n1')
  })

  test('a restricted group refuses a move to any other node, before anything moves (D6)', async () => {
    const moved = site.operator.operate(bound, 'relocate', { node: 'n2' })
    await expect(moved).rejects.toThrow(Refused)
    expect(site.witness(bound).runs).toHaveLength(1)
  })

  test('with its only node dead, a restricted service is stopped with a note, the others move on (D1)', async () => {
    await site.node('n1').flip('power-off')
    for (const sid of [home, settled]) await site.running(sid, (node) => node === 'n2')
    const service = await site.operator.until('the restricted service to be stopped', (status) =>
      status.services.find((s) => s.sid === bound && s.crmState === 'stopped'),
    )
    expect(service).toMatchObject({ running: false, requested: 'started' })
    expect(service.note).toContain('only-one')
  })

  test('its node back, it starts there again; failback returns, nofailback stays', async () => {
    await site.node('n1').flip('power-on')
    await site.running(bound, (node) => node === 'n1')
    await site.running(home, (node) => node === 'n1')
    expect(await site.running(settled)).toMatchObject({ node: 'n2' })
    expect(site.witness(settled).runs).toHaveLength(2)
    expect(site.witness(home).runs.map((run) => run.stopped)).toEqual([false, true, false])
  })
})

describe('maintenance', () => {
  test('empties a node by moving its services away, and gives them back', async () => {
    // Bound to n1 alone it could go nowhere.
    expect(await site.operator.operate(bound, 'disable')).toMatchObject({ status: 'done' })
    await site.operator.post('/nodes/n1/maintenance', { enabled: true })
    const { node } = await site.running(home, (name) => name !== 'n1')
    expect(node).toBe('n2')
    await site.operator.until('n1 to be in maintenance, and empty', ({ nodes, services }) => {
      const n1 = nodes.find((n) => n.name === 'n1')
      return n1?.state === 'maintenance' && !services.some((s) => s.node === 'n1' && s.running)
    })
    await waitFor(async () => !(await site.node('n1').machine()).watchdog.armed, {
      what: 'the empty node to close its watchdog (D10)',
    })
    await site.operator.post('/nodes/n1/maintenance', { enabled: false })
    await site.running(home, (name) => name === 'n1')
  })
})
