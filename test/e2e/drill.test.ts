// A drill: a node is emptied, its watchdog fires for want of feeds, it comes back, says what it found, and is used again.
// And whoever comes back after an end that was not asked for says how that came.
import { describe, expect, test } from 'vitest'
import type { CommandBody } from '../../shared/operator-api.ts'
import type { Refused } from './operator.ts'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

// A drill waits four times W before it says that nothing came.
const site = testSite({ nodes: 2, timing: { watchdogMs: 2_500, leaseMs: 12_000 } })

async function drilled(uid: string): Promise<CommandBody> {
  return waitFor(
    async () => {
      const command = (await site.operator.get(`/commands/${uid}`)) as CommandBody
      return command.finishedAt !== null && command
    },
    { what: 'the drill to end', timeoutMs: 40_000 },
  )
}

const refused = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: Refused) => `${error.status} ${error.code}`,
  )

describe('a drill', () => {
  test('moves the services away, lets the watchdog fire, records what it took, and gives the node back', async () => {
    // What an agent can it tells beside its renewals, about a second later.
    await site.operator.until('all to have told', ({ nodes }) => nodes.every((one) => one.stalls))
    const sid = await site.addService('a')
    const name = (await site.running(sid)).node as string
    const other = name === 'n1' ? 'n2' : 'n1'
    const before = await site.node(name).machine()
    const asked = (await site.operator.post(`/nodes/${name}/drill`)) as CommandBody
    expect(await refused(site.operator.post(`/nodes/${other}/drill`))).toBe('409 drill-running')
    const ended = await drilled(asked.uid)
    expect(ended, ended.reason).toMatchObject({ status: 'done' })
    expect(ended.reason).toContain('bootstatus 32 (CARDRESET)')
    const after = await site.node(name).machine()
    expect(after).toMatchObject({ boots: before.boots + 1, lastPowerOff: 'watchdog' })
    expect(after.watchdogResets).toBe(before.watchdogResets + 1)
    const node = await site.operator.until(`${name} to be used again`, ({ nodes }) =>
      nodes.find((one) => one.name === name && one.state === 'online'),
    )
    const { lastDrill } = node.watchdog
    expect(lastDrill).toMatchObject({ uid: asked.uid, outcome: 'fired', effectiveMs: 2_500 })
    // It fires at nine tenths, and no beat is later than that.
    expect(lastDrill?.livedAtLeastMs).toBeGreaterThan(1_500)
    expect(lastDrill?.livedAtLeastMs).toBeLessThanOrEqual(2_500)
    expect(lastDrill?.livedAtMostMs).toBeGreaterThanOrEqual(2_250)
    expect(lastDrill?.awayMs).toBeGreaterThan(0)
    expect(node.lastEnd).toMatchObject({ kind: 'watchdog-reset', bootStatus: 32 })
    expect(node.lastEnd?.why).toContain('a drill was asked for')
    // The service has moved, without a proof of anything: it was stopped, and started elsewhere.
    expect((await site.operator.why(name)).evidence).toEqual([])
    expect(site.witness(sid).runs.length).toBeGreaterThanOrEqual(2)
    await site.operator.operate(sid, 'stop')
  })

  test('is refused where it cannot be done, with the reason', async () => {
    const sid = await site.addService('pinned')
    const { node } = await site.running(sid)
    await site.operator.post('/rules', {
      ...{ id: 'pin', type: 'node-affinity', resources: [sid], nodes: { [`${node}`]: 1 } },
      strict: true,
    })
    expect(await refused(site.operator.post(`/nodes/${node}/drill`))).toBe('409 would-strand')
    await site.operator.remove(sid)
    expect(await refused(site.operator.post('/nodes/n9/drill'))).toBe('404 unknown-node')
    await site.operator.post('/disarm?wait=20', { mode: 'freeze' })
    expect(await refused(site.operator.post('/nodes/n1/drill'))).toBe('409 disarmed')
    await site.operator.post('/arm?wait=20')
  })

  test('that nothing comes of makes the node one that cannot protect', async () => {
    await site.operator.until('all to be armed again', ({ nodes }) =>
      nodes.every(({ state }) => state === 'online'),
    )
    const asked = (await site.operator.post('/nodes/n2/drill')) as CommandBody
    await waitFor(async () => (await site.node('n2').machine()).watchdog.armed, {
      what: 'n2 to be armed for the last time',
    })
    // The device dies with its supervisor, which stands still for longer than the drill is patient.
    site.node('n2').signal('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, 4 * 2_500 + 1_500))
    site.node('n2').signal('SIGCONT')
    const ended = await drilled(asked.uid)
    expect(ended).toMatchObject({ status: 'failed' })
    expect(ended.reason).toContain('did not fire')
    const node = await site.operator.until(
      'n2 to say so',
      ({ nodes }) => nodes.find((one) => one.name === 'n2' && one.watchdog.class === 'none'),
      30_000,
    )
    expect(node.note).toContain('cannot protect')
    expect(await refused(site.operator.post('/nodes/n2/drill'))).toBe('409 cannot-drill')
  })
})

describe('what ended without a word', () => {
  test('is told of by whoever comes next: an agent that was killed', async () => {
    await site.node('n1').flip('kill-agent')
    const node = await site.operator.until(
      'n1 to tell',
      ({ nodes }) => nodes.find((one) => one.name === 'n1' && one.lastEnd?.kind === 'agent-died'),
      30_000,
    )
    expect(node.lastEnd?.why).toContain('in this same boot')
    const { story, now } = await site.operator.why('n1')
    expect(now).toContain('in this same boot')
    await waitFor(
      async () =>
        (await site.operator.why('n1')).story.some(({ line }) => line.includes('its agent died')),
      { what: `the story to tell of it, not ${story.at(-1)?.line}` },
    )
  })
})
