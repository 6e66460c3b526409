// Before its first start a service is asked for on every node that could run it (rule 7): on those that answer, and on those
// whose agent was heard a moment ago and will answer soon. Nobody is waited for without an end.
import { describe, expect, it } from 'vitest'
import type { RunningService } from '../../shared/protocol.ts'
import { whereToLook } from '../../control-plane/cluster/doubt-words.ts'
import type { EpochRequestView } from '../../control-plane/cluster/node-words.ts'
import {
  aNode,
  aService,
  buildView,
  type NodeChanges,
  nowMs,
  silentNode,
  timing,
} from './build-view.ts'
import { ofKind, play } from './play.ts'

const web = 'process:web'
const copy: RunningService = { sid: web, generation: 0, state: 'running', stable: true }

/** Asked for in round 100, `askedMs` ago, of n1, n2 and n3; the last two have answered. */
function asked(n1: ReturnType<typeof aNode>, askedMs = 1_000) {
  const service = aService(web, 'n2', {
    status: { state: 'request_start', running: false, probeRound: 100, sinceMs: nowMs - askedMs },
    ...{ grant: false, everGranted: false },
  })
  return buildView({ nodes: [n1, aNode('n2'), aNode('n3')], services: [service] })
}

/** Its agent asks for a lease, and cannot be given one yet: what its old boot held is not settled. */
function asking(request: Partial<EpochRequestView> = {}, changes: NodeChanges = {}) {
  return aNode('n1', {
    state: 'unknown',
    epochRequest: {
      ...{ bootId: 'n1-boot-2', sameHardware: true, planeEpoch: 1, nonce: null, found: [] },
      requestedMs: nowMs - 500,
      ...request,
    },
    ...changes,
    lease: { bootId: null, revision: 0, renewedMs: null, ...changes.lease },
  })
}

const noteOf = (view: ReturnType<typeof asked>) => play(view).after.services[web]!.status!.note
const opened = (view: ReturnType<typeof asked>) => ofKind(play(view).plan, 'grant.opened')
const what = 'first start: waits for n1 to say that nothing of it runs there'

describe('before the first start of a service', () => {
  it('a node that renews and has not answered is waited for', () => {
    expect(opened(asked(aNode('n1', { lease: { revision: 99 } })))).toEqual([])
    expect(opened(asked(aNode('n1')))).toMatchObject([{ node: 'n2' }])
  })

  it('a node whose agent asks for a lease is waited for', () => {
    expect(opened(asked(asking()))).toEqual([])
    expect(noteOf(asked(asking()))).toBe(`${what}, at most 59 s where it does not answer`)
  })

  it('one that asks in vain is waited for no longer than a lease, counted from when it began to be missed', () => {
    const { leaseMs } = timing
    expect(play(asked(asking(), leaseMs - 1)).plan.nextRoundMs).toBeLessThanOrEqual(nowMs + 1)
    expect(opened(asked(asking(), leaseMs))).toMatchObject([{ node: 'n2' }])
    const lately = asking({}, { sinceMs: nowMs - 1_000 })
    expect(opened(asked(lately, leaseMs))).toEqual([])
  })

  it('one that has stopped asking is not waited for', () => {
    const gone = asking({ requestedMs: nowMs - timing.silentMs })
    expect(opened(asked(gone))).toMatchObject([{ node: 'n2' }])
  })

  it('a node that has a new lease and has not renewed it yet is waited for', () => {
    const fresh = aNode('n1', { state: 'unknown', lease: { renewedMs: null, revision: 0 } })
    expect(opened(asked(fresh))).toEqual([])
  })

  it('a node that is silent is waited for as long as its lease holds, and no longer', () => {
    const silent = (silentMs: number) =>
      silentNode('n1', { state: 'unknown', lease: { revision: 0 } }, silentMs)
    expect(opened(asked(silent(20_000)))).toEqual([])
    expect(noteOf(asked(silent(20_000)))).toMatch(`${what}, at most 42 s where it does not answer`)
    expect(opened(asked(silent(70_000)))).toMatchObject([{ node: 'n2' }])
  })

  it('a silent node whose lease was revoked early, for its fence device, is waited for until its deadline', () => {
    const silent = silentNode('n1', { state: 'unknown', lease: { revision: 0 } }, 20_000)
    const { epoch, bootId, leaseUntilMs, judgedUntilMs, guarded } = silent.lease
    const revokedAt = (untilMs: number) => ({
      ...silent,
      state: 'fence' as const,
      lease: { ...silent.lease, bootId: null, epoch: epoch + 1, armed: false, guarded: null },
      revocations: [
        { epoch, bootId, leaseUntilMs, judgedUntilMs: untilMs, guarded, revokedMs: nowMs - 500 },
      ],
    })
    const lost = aService('process:lost', 'n1', {
      status: { state: 'fence' },
      grant: { generation: 7, holders: [{ node: 'n1', epoch, confirmed: true }] },
    })
    const revoked = (untilMs: number) => {
      const view = asked(revokedAt(untilMs))
      return { ...view, services: { ...view.services, 'process:lost': lost } }
    }
    const openedFor = (view: ReturnType<typeof asked>) =>
      opened(view).flatMap((change) => (change.sid === web ? [change.node] : []))
    expect(openedFor(revoked(judgedUntilMs))).toEqual([])
    expect(noteOf(revoked(judgedUntilMs))).toMatch(`${what}, at most 42 s`)
    expect(openedFor(revoked(nowMs))).toEqual(['n2'])
  })

  it('nor is what one node runs adopted before those that answer soon have answered', () => {
    const adopted = (n1: ReturnType<typeof aNode>) => {
      const view = asked(n1)
      view.nodes.n2!.report!.running = [copy]
      return ofKind(play(view).plan, 'grant.adopted')
    }
    expect(adopted(asking())).toEqual([])
    expect(adopted(aNode('n1'))).toMatchObject([{ node: 'n2' }])
  })

  it.each<[string, Record<string, RunningService['state']>, string]>([
    [
      'two copies',
      { n1: 'running', n3: 'running' },
      'n1 and n3 say that they run it: stop all copies but one by hand',
    ],
    [
      'one copy and a doubt',
      { n1: 'unknown', n3: 'running' },
      `n3 says that it runs it, and n1 cannot tell whether anything of it is there (${whereToLook(web)})`,
    ],
    [
      'a doubt',
      { n1: 'unknown' },
      `n1 cannot tell whether anything of it is there (${whereToLook(web)})`,
    ],
    [
      'two copies and a doubt',
      { n1: 'running', n2: 'unknown', n3: 'running' },
      `n1 and n3 say that they run it, and n2 cannot tell whether anything of it is there (${whereToLook(web)}): stop all copies but one by hand`,
    ],
  ])('%s are told apart, and nothing is started or adopted', (_, states, note) => {
    const view = asked(aNode('n1'))
    for (const [name, state] of Object.entries(states))
      view.nodes[name]!.report!.running = [{ ...copy, state }]
    expect(play(view).plan.changes).toEqual([])
    expect(noteOf(view)).toBe(note)
  })

  it('a node that has no driver for it is not waited for', () => {
    expect(opened(asked(asking({}, { drivers: ['vm'] })))).toMatchObject([{ node: 'n2' }])
  })
})
