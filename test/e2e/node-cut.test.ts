// A node that is cut off: healed in time nothing happens; too late it has stopped its services by itself, before others start them.
import { describe, expect, test } from 'vitest'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

// Long enough a lease that a cut of some seconds is survived for certain: L − 3W − renew − request timeout = 3.75 s.
const site = testSite({ nodes: 3, timing: { leaseMs: 9_000 } })
const sid = 'process:a'

async function unknown(name: string): Promise<void> {
  await site.operator.until(`${name} to be silent`, ({ nodes }) =>
    nodes.find((n) => n.name === name && n.state === 'unknown'),
  )
}

async function online(name: string, epoch: (now: number) => boolean): Promise<void> {
  await site.operator.until(`${name} to be online`, ({ nodes }) =>
    nodes.find((n) => n.name === name && n.state === 'online' && epoch(n.epoch)),
  )
}

describe('a node that is cut off and healed before its lease is over', () => {
  test.each(['cut', 'cut?direction=to-plane', 'cut?direction=to-node'] as const)(
    'keeps its services, and nothing is moved (%s)',
    async (cut) => {
      if (!(await site.operator.status()).services.length) await site.addService('a')
      const { node, generation } = await site.running(sid)
      const name = node as string
      const { epoch } = await site.operator.node(name)
      await site.node(name).flip(cut)
      await unknown(name)
      const beats = site.witness(sid).runs[0]?.lastMs ?? 0
      await site.node(name).flip('heal')
      await online(name, (now) => now === epoch)
      await waitFor(() => (site.witness(sid).runs[0]?.lastMs ?? 0) > beats, { what: 'a beat' })
      expect(site.witness(sid).runs).toHaveLength(1)
      expect(await site.operator.service(sid)).toMatchObject({ node: name, generation })
    },
  )
})

describe('a node that is cut off past its lease', () => {
  test('stops its services by itself, they start elsewhere once, and it rejoins empty', async () => {
    const { node } = await site.running(sid)
    const name = node as string
    const { epoch } = await site.operator.node(name)
    const { boots } = await site.node(name).machine()
    await site.node(name).flip('cut')
    await waitFor(() => site.witness(sid).runs[0]?.stopped, {
      what: 'the cut-off node to stop its service',
      timeoutMs: site.timing.leaseMs,
    })
    await site.running(sid, (other) => other !== name)
    const [first, second] = site.witness(sid).runs
    expect(first?.stopped).toBe(true)
    expect(second?.startMs).toBeGreaterThan(first?.endMs ?? Infinity)
    // The gentle way: it stayed up, harmless, with its watchdog closed.
    const machine = await site.node(name).machine()
    expect(machine).toMatchObject({ boots, power: 'on', watchdog: { armed: false } })
    await site.node(name).flip('heal')
    await online(name, (now) => now > epoch)
    expect(site.witness(sid).runs).toHaveLength(2)
    expect(await site.node(name).tree()).toEqual([(await site.node(name).machine()).agentPid])
  })

  test('healed after it stopped but before the deadline, it says so, and nobody waits for the deadline', async () => {
    const { node } = await site.running(sid)
    const name = node as string
    const before = site.witness(sid).runs.length
    await site.node(name).flip('cut')
    await waitFor(() => site.witness(sid).runs.at(-1)?.stopped, {
      what: 'the cut-off node to stop its service',
      timeoutMs: site.timing.leaseMs,
    })
    await site.node(name).flip('heal')
    await waitFor(() => site.witness(sid).runs.length > before, { what: 'the service to start' })
    await site.running(sid)
    const { evidence } = await site.operator.why(sid)
    expect(evidence.at(-1)?.kind).toBe('agent-stopped')
  })
})
