// What the CRM makes of a machine that goes down in order (reference 2.11): failover waits as long as the node may be back
// under its old lease, freeze for as long as it takes, and no grant is closed but by what the agent ended.
import { describe, expect, it } from 'vitest'
import type { AgentMode } from '../../shared/node.ts'
import { aNode, aService, buildView, type NodeChanges, nowMs, silentNode } from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'

const web = 'process:web'
const ended = { status: { running: false }, grant: false as const }

/** `web` was ended on n1, which is as `changes` say. */
const view = (n1: ReturnType<typeof aNode>, changes: Parameters<typeof aService>[2] = ended) =>
  buildView({ nodes: [n1, aNode('n2'), aNode('n3')], services: [aService(web, 'n1', changes)] })

const leaving = (mode: AgentMode, more: NodeChanges = {}) =>
  aNode('n1', { ...more, lease: { mode, ...more.lease } })

describe('a node that shuts down and fails over', () => {
  const down = (silentMs: number) =>
    silentNode('n1', { state: 'unknown', lease: { mode: 'shutdown' } }, silentMs)

  it('keeps its ended services while it still renews, and while its lease is not over, and says until when', () => {
    for (const n1 of [leaving('shutdown'), down(30_000)]) {
      const { plan, after } = play(view(n1))
      expect(plan.changes).toEqual([])
      expect(after.services[web]!.status!.note).toMatch(
        /^n1 has shut down: waits to renew .* within \d+ s$/,
      )
      expect(plan.nextRoundMs).toBeLessThanOrEqual(n1.lease.judgedUntilMs)
    }
  })

  it('loses them when its lease is over: at once, since nothing of them can run', () => {
    const { plan, after } = play(view(down(70_000)))
    expect(statesOf(plan, web)).toEqual(['fence', 'recovery', 'started'])
    expect(ofKind(plan, 'evidence.recorded')).toEqual([])
    expect(after.services[web]!.grant!.holders[0]!.node).not.toBe('n1')
  })

  it('simply starts them when it is back in time, also while it is only asking for its lease', () => {
    const { after } = play(view(aNode('n1')))
    expect(after.services[web]).toMatchObject({
      status: { state: 'started', node: 'n1' },
      grant: { holders: [{ node: 'n1' }] },
    })
    const base = { bootId: 'n1-boot-2', nonce: null, sameHardware: true, planeEpoch: 1, found: [] }
    const epochRequest = { ...base, requestedMs: nowMs - 100 }
    const asking = silentNode('n1', { state: 'unknown', epochRequest })
    const asked = play(view(asking))
    expect(statesOf(asked.plan, web)).toEqual([])
    expect(ofKind(asked.plan, 'node.challenged')).toHaveLength(1)
  })

  it('is left by nothing that it has not ended: what does not stop there is settled by its watchdog', () => {
    const held = play(view(leaving('shutdown'), {}))
    expect(held.plan.changes).toEqual([])
    const { plan } = play(view(down(70_000), {}))
    expect(ofKind(plan, 'evidence.recorded')).toMatchObject([{ evidence: 'watchdog-deadline' }])
  })

  it('is given nothing new meanwhile', () => {
    const other = aService('process:new', null, {
      status: { state: 'request_start', running: false, probeRound: 50 },
      grant: false,
    })
    const v = buildView({ nodes: [leaving('shutdown'), aNode('n2')], services: [other] })
    expect(play(v).after.services['process:new']!.grant!.holders[0]!.node).toBe('n2')
  })
})

describe('a node that reboots and freezes', () => {
  it('freezes what it has ended already, too, and gets it back when its agent is active again', () => {
    const first = play(view(leaving('restart')))
    expect(statesOf(first.plan, web)).toEqual(['freeze'])
    const frozen = { status: { state: 'freeze' as const, running: false }, grant: false as const }
    const off = silentNode('n1', { state: 'unknown', lease: { mode: 'restart' } }, 3_600_000)
    expect(play(view(off, frozen)).plan.changes).toEqual([])
    const back = play(view(aNode('n1', { lease: { epoch: 4 } }), frozen))
    expect(back.after.services[web]).toMatchObject({
      status: { state: 'started', node: 'n1' },
      grant: { generation: 1_000, holders: [{ node: 'n1', epoch: 4 }] },
    })
  })
})

describe('a node that migrates its services away', () => {
  it('is in maintenance as long as it says so, loses what runs there, and gets it back', () => {
    const first = play(view(leaving('maintenance'), {}))
    expect(first.after.nodes.n1!.state).toBe('maintenance')
    expect(first.after.services[web]!.status).toMatchObject({
      state: 'relocate',
      fallbackNode: 'n1',
    })
    const away = aService(web, 'n2', { status: { fallbackNode: 'n1' } })
    const off = silentNode('n1', { state: 'maintenance', lease: { mode: 'maintenance' } })
    const gone = buildView({ nodes: [off, aNode('n2')], services: [away] })
    expect(play(gone).plan.changes).toEqual([])
    const back = buildView({
      nodes: [aNode('n1', { state: 'unknown' }), aNode('n2')],
      services: [away],
    })
    expect(play(back).after.services[web]!.status).toMatchObject({
      state: 'relocate',
      target: 'n1',
    })
  })
})
