// Fence devices end to end: a silent node is switched off from outside, and its services run elsewhere, once, long before
// its lease is over. Real replicas, real job queues, the switches of real supervisors.
import { beforeAll, describe, expect, test } from 'vitest'
import { testSite } from './site.ts'

// A lease that nobody could wait for.
const site = testSite({ nodes: 3, replicas: 2, timing: { leaseMs: 60_000 }, rebootMs: 120_000 })
const names = ['n1', 'n2', 'n3']
const patienceMs = 20_000

beforeAll(async () => {
  for (const name of names)
    await site.operator.put(`/nodes/${name}/fence-devices/switch`, {
      ...{ kind: 'simulated', options: { folder: site.node(name).home } },
    })
}, 30_000)

async function isBack(name: string) {
  await site.node(name).flip('heal')
  await site.operator.until(
    `${name} to be online`,
    ({ nodes }) => nodes.find((node) => node.name === name && node.state === 'online'),
    patienceMs,
  )
}

describe('a node with a fence device', () => {
  test.each(['cut', 'hang'] as const)(
    'that is silent (%s) is switched off, and its service runs elsewhere, once, by that proof',
    async (fault) => {
      const sid = await site.addService(fault)
      const { node } = await site.running(sid)
      const name = node as string
      await site.node(name).flip(fault)
      const cutMs = performance.now()
      await site.running(sid, (other) => other !== name, patienceMs)
      expect(performance.now() - cutMs).toBeLessThan(patienceMs)
      expect(await site.node(name).machine()).toMatchObject({ power: 'off', processes: 0 })
      const { evidence, story } = await site.operator.why(name)
      const { hardwareId } = (await site.node(name).machine()) as { hardwareId?: string }
      expect(evidence.at(-1)).toMatchObject({
        kind: 'device-off',
        facts: {
          devices: [
            { device: 'switch', readings: [{ state: 'off', uuid: hardwareId }, { state: 'off' }] },
          ],
        },
      })
      const lines = story.map(({ line }) => line)
      const at = (text: string) => lines.findLastIndex((line) => line.includes(text))
      expect(at('revoked')).toBeLessThan(at('is to be switched off'))
      expect(at('is to be switched off')).toBeLessThan(at('evidence device-off'))
      const shown = await site.operator.node(name)
      expect(shown.note).toContain('stays off until somebody switches it on')
      expect(shown.fenceOrder).toMatchObject({ outcome: 'off' })
      await isBack(name)
      expect(site.witness(sid).runs).toHaveLength(2)
    },
  )

  test('is switched on again where the policy says so, by a job of its own', async () => {
    const sid = await site.addService('on-again')
    const name = (await site.running(sid)).node as string
    await site.operator.patch('/settings', { afterFence: 'power-on' })
    const { boots } = await site.node(name).machine()
    await site.node(name).flip('hang')
    await site.running(sid, (other) => other !== name, patienceMs)
    await isBack(name)
    expect(await site.node(name).machine()).toMatchObject({ power: 'on', boots: Number(boots) + 1 })
    await site.operator.patch('/settings', { afterFence: 'leave-off' })
  })

  test('that is online is not switched off by a test of its device', async () => {
    const { boots } = await site.node('n1').machine()
    const tested = await site.operator.post('/nodes/n1/fence-devices/switch/test')
    expect(tested).toMatchObject({ state: 'on', isExpected: true, fault: '' })
    expect(await site.node('n1').machine()).toMatchObject({ power: 'on', boots })
  })
})
