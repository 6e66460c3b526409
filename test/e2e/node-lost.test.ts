// A node that dies or hangs: its services start elsewhere, once, when there is proof, and the story names the proof.
import { describe, expect, test } from 'vitest'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

const site = testSite({ nodes: 3 })
const names = ['a', 'b', 'c']
const sids = names.map((name) => `process:${name}`)

async function nodeOf(sid: string): Promise<string> {
  const { node } = await site.running(sid)
  return node as string
}

describe('a node that loses its power', () => {
  let lost = ''
  let oldEpoch = 0

  test('its services start elsewhere, once, after the fence deadline', async () => {
    for (const name of names) await site.addService(name)
    for (const sid of sids) await site.running(sid)
    lost = await nodeOf('process:a')
    oldEpoch = (await site.operator.node(lost)).epoch
    const onLost = (await site.operator.status()).services.filter(({ node }) => node === lost)
    await site.node(lost).flip('power-off')
    for (const { sid } of onLost) await site.running(sid, (node) => node !== lost)
    for (const { sid } of onLost) {
      const [before, after, ...more] = site.witness(sid).runs
      expect(more).toEqual([])
      expect(after?.generation).toBeGreaterThan(before?.generation ?? 0)
      const waitedMs = (after?.startMs ?? 0) - (before?.lastMs ?? 0)
      // The last renewal was handed over up to a renewal and a request before the plug was pulled.
      const { leaseMs, renewMs, requestTimeoutMs } = site.timing
      expect(waitedMs).toBeGreaterThan(leaseMs - renewMs - requestTimeoutMs)
      expect(waitedMs).toBeLessThan(leaseMs + 3_000)
    }
  })

  test('`why` tells the story with the watchdog as evidence', async () => {
    const { story, evidence } = await site.operator.why('process:a')
    expect(evidence).toContainEqual(
      expect.objectContaining({ kind: 'watchdog-deadline', node: lost, epoch: oldEpoch }),
    )
    const lines = story.map(({ line }) => line).join('\n')
    expect(lines).toContain('started → fence')
    expect(lines).toContain('fence → recovery')
    expect(lines).toMatch(/watchdog/)
  })

  test('back again, it joins a new epoch and runs nothing that it ran before', async () => {
    const before = sids.map((sid) => site.witness(sid).runs.length)
    await site.node(lost).flip('power-on')
    await site.operator.until(`${lost} to be back`, ({ nodes }) =>
      nodes.find((n) => n.name === lost && n.state === 'online' && n.epoch > oldEpoch),
    )
    // A service added now is placed on the idle node: it has read its orders and obeys them.
    const sid = await site.addService('after')
    await site.running(sid, (node) => node === lost)
    expect(sids.map((each) => site.witness(each).runs.length)).toEqual(before)
  })
})

describe('a node that hangs', () => {
  test('is killed by its watchdog, and its services run once more, on proof', async () => {
    const hung = await nodeOf('process:b')
    const before = site.witness('process:b').runs.length
    const { watchdogResets } = await site.node(hung).machine()
    await site.node(hung).flip('hang')
    await waitFor(async () => (await site.node(hung).machine()).watchdogResets > watchdogResets, {
      what: 'the watchdog to fire',
      timeoutMs: site.timing.watchdogMs + 1_000,
    })
    await waitFor(() => site.witness('process:b').runs.length > before, {
      what: 'process:b to start again',
      timeoutMs: 12_000,
    })
    await site.running('process:b')
    expect(site.witness('process:b').runs).toHaveLength(before + 1)
    const { evidence } = await site.operator.why('process:b')
    const last = evidence.at(-1)
    expect(['new-boot', 'watchdog-deadline']).toContain(last?.kind)
    expect(last?.node).toBe(hung)
  })
})
