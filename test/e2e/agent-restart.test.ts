// The agent is replaceable: killed or restarted, its services run on untouched, and a crash loop never feeds for ever.
import { describe, expect, test } from 'vitest'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

// An agent must be back before the watchdog fires and while its lease still allows to feed it: starting one takes a while
// on a busy machine.
const site = testSite({ nodes: 2, timing: { watchdogMs: 4_000, leaseMs: 18_000 } })

/** Waits until a later agent of `name` renews, in mode active, with its watchdog armed and its services confirmed. */
async function agentBack(name: string, startsBefore: number): Promise<void> {
  await waitFor(async () => (await site.node(name).machine()).agentStarts > startsBefore, {
    what: 'the agent to be started again',
  })
  await site.operator.until(`the agent of ${name} to be back`, ({ nodes, services }) => {
    const node = nodes.find((n) => n.name === name)
    const settled = services.every((s) => s.node !== name || (s.running && s.state === 'started'))
    return node?.state === 'online' && node.mode === 'active' && node.watchdog.armed && settled
  })
}

describe('an agent that is killed', () => {
  test('is started again, adopts its service, and the service never notices', async () => {
    const sid = await site.addService('a')
    const { node, generation } = await site.running(sid)
    const name = node as string
    const { epoch } = await site.operator.node(name)
    const { agentStarts, boots } = await site.node(name).machine()
    const beats = site.witness(sid).runs[0]?.lastMs ?? 0
    await site.node(name).flip('kill-agent')
    await agentBack(name, agentStarts)
    const after = await site.operator.service(sid)
    expect(after).toMatchObject({ node: name, generation, running: true, crmState: 'started' })
    expect((await site.operator.node(name)).epoch).toBeGreaterThanOrEqual(epoch)
    expect((await site.node(name).machine()).boots).toBe(boots)
    const { runs } = site.witness(sid)
    expect(runs).toHaveLength(1)
    expect(runs[0]?.lastMs).toBeGreaterThan(beats)
    // The adopted service obeys the new agent.
    const stopped = await site.operator.operate(sid, 'stop')
    expect(stopped).toMatchObject({ status: 'done' })
    expect(site.witness(sid).runs[0]?.stopped).toBe(true)
    await site.operator.operate(sid, 'start')
    await site.running(sid)
  })
})

describe('an agent that is asked to stop', () => {
  test('has its services frozen, not stopped, and thawed when it is back', async () => {
    const sid = 'process:a'
    const { node, generation } = await site.running(sid)
    const name = node as string
    const before = site.witness(sid).runs.length
    const { agentStarts, boots } = await site.node(name).machine()
    await site.node(name).flip('restart-agent')
    await agentBack(name, agentStarts)
    const lines = (await site.operator.events(sid)).map(({ line }) => line).join('\n')
    expect(lines).toContain('started → freeze')
    expect(lines).toContain('freeze → started')
    expect(await site.operator.service(sid)).toMatchObject({
      node: name,
      generation,
      running: true,
    })
    const machine = await site.node(name).machine()
    expect(machine).toMatchObject({ boots, watchdogResets: 0, watchdog: { armed: true } })
    expect(site.witness(sid).runs).toHaveLength(before)
  })
})

describe('an agent that crashes again and again while it is cut off', () => {
  test('never feeds its watchdog without a lease: nothing of the node runs any more before its services start elsewhere (S1)', async () => {
    const sid = 'process:a'
    const { node } = await site.running(sid)
    const name = node as string
    const { boots } = await site.node(name).machine()
    await site.node(name).flip('cut')
    // The watchdog ends the loop; or a life that was long enough did, which stopped what it found and closed the device.
    const killAgain = async () => {
      const now = await site.node(name).machine()
      if (now.boots > boots || now.power !== 'on') return 'reset'
      const run = site.witness(sid).runs.at(-1)
      if (!now.watchdog.armed && run?.stopped) return 'stopped'
      if (now.agentPid !== null)
        await site
          .node(name)
          .flip('kill-agent')
          .catch(() => {})
      return null
    }
    const end = await waitFor(killAgain, {
      what: 'the crash loop to end in a reset, or with everything stopped',
      timeoutMs: 40_000,
      everyMs: 1_500,
    })
    // That the second copy began after the end of the first is what the witness is asked after every test.
    await site.running(sid, (other) => other !== name)
    const { lastPowerOff } = await site.node(name).machine()
    if (end === 'reset') expect(lastPowerOff).toBe('watchdog')
    await site.node(name).flip('heal')
    await site.operator.until(`${name} to be back`, ({ nodes }) =>
      nodes.find((n) => n.name === name && n.state === 'online'),
    )
  })
})
