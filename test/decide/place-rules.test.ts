// Placement under rules: strict and other node affinity, partners together and apart, who comes along with a move.
import { describe, expect, it } from 'vitest'
import type { ServiceView } from '../../control-plane/cluster/view.ts'
import { apart, aRule, aStrictRule, together } from './build-rules.ts'
import { aGroup, aNode, aService, buildView, nowMs, type ServiceChanges } from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'

const [a, b, c] = ['process:a', 'process:b', 'process:c'] as const
const lost: ServiceChanges = { grant: false, status: { state: 'recovery', running: false } }
const fresh: ServiceChanges = { grant: false, status: { state: 'request_start', running: false } }
const down = (name: string) => aNode(name, { drivers: [] })

describe('recovery', () => {
  it('under a strict rule without an available node waits, naming the rule, and is tried again', () => {
    const view = buildView({
      services: [aService(a, 'n9', lost)],
      rules: [aStrictRule('only', [a], ['n7'])],
    })
    const { after } = play(view)
    expect(after.services[a]!.status).toMatchObject({
      state: 'recovery',
      note: 'no node can take it: n1 n2 n3: rule only forbids it',
    })
    after.nodes.n7 = aNode('n7')
    expect(play(after).after.services[a]!.status).toMatchObject({ state: 'started', node: 'n7' })
  })

  it('keeps services apart, those that are only on their way too', () => {
    const services = [
      aService(a, 'n9', lost),
      aService(b, 'n1'),
      aService(c, 'n3', { status: { state: 'relocate', target: 'n2' } }),
    ]
    const view = buildView({ services, rules: [apart('r1', [a, b]), apart('r2', [a, c])] })
    const note =
      'no node can take it: n1: rule r1: apart from process:b, n2 n3: rule r2: apart from process:c'
    expect(play(view).after.services[a]!.status).toMatchObject({ state: 'recovery', note })
  })

  it('lets in one of two that stay apart and wait for the same node, where both were last', () => {
    const services = [aService(a, 'n1', lost), aService(b, 'n1', lost)]
    const nodes = [aNode('n1'), down('n2'), down('n3')]
    const { after } = play(buildView({ nodes, services, rules: [apart('r', [a, b])] }))
    const states = [a, b].map((sid) => after.services[sid]!.status!.state)
    expect(states.sort()).toEqual(['recovery', 'started'])
  })

  it('lets in one of two that stay apart and are to start on the only node, and says why the other waits', () => {
    const waiting: ServiceChanges = { grant: false, status: { state: 'started', running: false } }
    const services = [aService(a, 'n1', waiting), aService(b, 'n1', waiting)]
    const nodes = [aNode('n1'), down('n2'), down('n3')]
    const { plan, after } = play(buildView({ nodes, services, rules: [apart('r', [a, b])] }))
    expect(ofKind(plan, 'grant.opened').map(({ sid, node }) => [sid, node])).toEqual([[a, 'n1']])
    expect(after.services[b]!.status!.note).toContain(a)
  })

  it('spreads services that stay apart over different nodes, in one round', () => {
    const services = [a, b, c].map((sid) => aService(sid, 'n9', lost))
    const { after } = play(buildView({ services, rules: [apart('r', [a, b, c])] }))
    expect([a, b, c].map((sid) => after.services[sid]!.status!.node)).toEqual(['n1', 'n2', 'n3'])
  })

  it('brings services that keep together to one node, in one round', () => {
    const services = [a, b, c].map((sid) => aService(sid, 'n9', lost))
    const { after } = play(buildView({ services, rules: [together('r', [a, b, c])] }))
    expect([a, b, c].map((sid) => after.services[sid]!.status!.node)).toEqual(['n1', 'n1', 'n1'])
  })
})

describe('a rule that cannot be kept', () => {
  it('counts for nothing, and neither do its partners', () => {
    const services = [aService(a, 'n1'), aService(b, 'n1')]
    const rules = [apart('r1', [a, b]), together('r2', [a, b])]
    expect(play(buildView({ services, rules })).plan.changes).toEqual([])
    expect(statesOf(play(buildView({ services, rules: rules.slice(0, 1) })).plan, a)).toEqual([
      'relocate',
    ])
  })
})

describe('a running service', () => {
  const moved = (plan: ReturnType<typeof play>['plan']) =>
    ofKind(plan, 'service.state').map(({ sid, to, set }) => `${sid} ${to} ${set.target}`)

  it('leaves a node that a strict rule forbids, and stays there while no other is available', () => {
    const rules = [aStrictRule('only', [a], ['n2'])]
    expect(moved(play(buildView({ services: [aService(a, 'n1')], rules })).plan)).toEqual([
      `${a} relocate n2`,
    ])
    const nodes = [aNode('n1'), down('n2')]
    const { plan, after } = play(buildView({ nodes, services: [aService(a, 'n1')], rules }))
    expect(plan.changes).toEqual([])
    expect(after.services[a]!.status!.note).toContain('n1: rule only forbids it')
  })

  it('stops where its restricted group has no available member (D1)', () => {
    const services = [aService(a, 'n1', { config: { group: 'gr' } })]
    const groups = [aGroup('gr', { n7: 0 }, { restricted: true })]
    expect(statesOf(play(buildView({ services, groups })).plan, a)).toEqual(['request_stop'])
  })

  it('returns to nodes of a higher priority, unless it does not fail back', () => {
    const rules = [aRule('prefers', [a], { n1: 1, n2: 2 })]
    const at = (failback: boolean) => [aService(a, 'n1', { config: { failback } })]
    expect(moved(play(buildView({ services: at(true), rules })).plan)).toEqual([`${a} relocate n2`])
    expect(play(buildView({ services: at(false), rules })).plan.changes).toEqual([])
  })

  it('separates from its partner, and does not count on the move of the other (reference 2.14)', () => {
    const services = [aService(a, 'n1'), aService(b, 'n1')]
    expect(moved(play(buildView({ services, rules: [apart('r', [a, b])] })).plan)).toEqual([
      `${a} relocate n2`,
      `${b} relocate n3`,
    ])
  })

  it('joins its partners where most of them are; all of them come', () => {
    const services = [aService(a, 'n1'), aService(b, 'n3'), aService(c, 'n3')]
    const { plan } = play(buildView({ services, rules: [together('r', [a, b, c])] }))
    expect(moved(plan)).toEqual([`${a} relocate n3`])
    expect(ofKind(plan, 'service.state')[0]!.why).toBe(
      'n3 is better: rule r keeps it with services there',
    )
  })

  it('that is to join its partners, and cannot yet, is waited for: they do not come to it instead', () => {
    const nodes = ['n1', 'n2', 'n3'].map((name) => aNode(name, { drivers: ['vm'] }))
    const starting = aService('vm:1', 'n1', { status: { running: false } })
    const services = [starting, aService('vm:2', 'n2'), aService('vm:3', 'n2')]
    const rules = [together('r', ['vm:1', 'vm:2', 'vm:3'])]
    const { plan, after } = play(buildView({ nodes, services, rules }))
    expect(plan.changes).toEqual([])
    expect(after.services['vm:1']!.status!.note).toBe('moves to n2 as soon as it is known to run')
    expect(after.services['vm:2']!.status!.note).toBe('')
  })

  it('waits longer before each repetition of a move that a rule demands and that failed (D7)', () => {
    const status = { moveFailures: 2, retryAtMs: nowMs + 5_000 }
    const services = [aService(a, 'n1', { status })]
    const { plan } = play(buildView({ services, rules: [aStrictRule('only', [a], ['n2'])] }))
    expect(plan.changes).toEqual([])
    expect(plan.nextRoundMs).toBe(nowMs + 5_000)
  })
})

describe('a start', () => {
  it('takes up the service where it was, then moves it to where its rule wants it (T4, T23)', () => {
    const services = [aService(a, 'n1', fresh)]
    const { plan, after } = play(buildView({ services, rules: [aStrictRule('only', [a], ['n3'])] }))
    expect(statesOf(plan, a)).toEqual(['started', 'relocate', 'started'])
    expect(after.services[a]!.grant!.holders).toMatchObject([{ node: 'n3' }])
    expect(plan.jobs).toEqual([])
  })

  it('never happens on a node that a strict rule forbids, also where nothing better is available', () => {
    const nodes = [aNode('n1'), down('n3')]
    const services = [aService(a, 'n1', fresh)]
    const { after } = play(
      buildView({ nodes, services, rules: [aStrictRule('only', [a], ['n3'])] }),
    )
    expect(after.services[a]).toMatchObject({
      grant: null,
      status: { state: 'started', node: 'n1' },
    })
    expect(after.services[a]!.status!.note).toContain('rule only forbids it')
  })

  it('next to a partner to stay apart from waits until that one has left for good', () => {
    const nodes = [aNode('n1'), down('n2')]
    const rules = [apart('r', [a, b])]
    const waiting = aService(a, 'n1', { ...fresh, status: { state: 'started', running: false } })
    const next = (partner: ServiceView) =>
      play(buildView({ nodes, services: [waiting, partner], rules })).after.services[a]!
    expect(next(aService(b, 'n1')).status!.note).toMatch(
      /^no node can take it: n1: rule r: apart from process:b/,
    )
    const leaves = { status: { state: 'relocate' as const, target: 'n2' } }
    expect(next(aService(b, 'n1', leaves)).status!.note).toBe(
      'process:b is not gone from n1 yet: apart by rule r',
    )
    expect(next(aService(b, 'n1', { ...leaves, grant: false })).grant).not.toBeNull()
    // What is not managed and still runs is in the way all the same.
    expect(next(aService(b, 'n1', { status: null })).status!.note).toContain('apart from process:b')
  })

  it('chooses the best node anew where the settings say so (T5, T6)', () => {
    const services = [aService(a, 'n1', fresh), aService(b, 'n1'), aService(c, 'n2')]
    const view = buildView({ services })
    const scheduling = { ...view.settings.scheduling, rebalanceOnStart: true }
    const { plan } = play({ ...view, settings: { ...view.settings, scheduling } })
    expect(statesOf(plan, a)).toEqual(['request_start_balance', 'started'])
    expect(ofKind(plan, 'grant.opened')).toMatchObject([{ node: 'n3' }])
  })

  it('that failed is tried next to partners only, and never next to those it stays apart from', () => {
    const failed = aService(a, 'n1', { status: { uid: 'u1', running: false } })
    const result = { uid: 'u1', sid: a, outcome: 'error' as const, detail: 'exit 1' }
    const n1 = aNode('n1')
    n1.report!.results = [result as never]
    const nodes = [n1, aNode('n2'), aNode('n3')]
    const services = [failed, aService(b, 'n2')]
    const play1 = play(buildView({ nodes, services, rules: [apart('r', [a, b])] }))
    expect(play1.after.services[a]!.status).toMatchObject({ state: 'relocate', target: 'n3' })
  })
})
