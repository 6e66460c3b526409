// A drill as the CRM sees it: empty the node, order it only while it holds nothing, and end the command by the node's word.
import { describe, expect, it } from 'vitest'
import { desiredFor } from '../../control-plane/cluster/orders.ts'
import { drillLimitMs, whyDrillDue } from '../../control-plane/cluster/drills.ts'
import type { ClusterCommandView } from '../../control-plane/cluster/view.ts'
import { strandedWithout } from '../../control-plane/crm/what-if/n-minus-one.ts'
import { refuseDrill } from '../../control-plane/intake/drill-wish.ts'
import { isRefusal } from '../../control-plane/intake/refusal.ts'
import type { DrillResult, NodeHealth } from '../../shared/node-health.ts'
import { aNode, aService, buildView, nowMs } from './build-view.ts'
import { ofKind, play } from './play.ts'

const web = 'process:web'
const health = (drill: DrillResult | null = null): NodeHealth => ({
  ...{ lastEnd: null, stalls: null, drill },
})
const result = (more: Partial<DrillResult> = {}): DrillResult => ({
  ...{ uid: 'd1', outcome: 'fired', atMs: nowMs, identity: 'i6300ESB timer', bootStatus: 32 },
  ...{ configuredMs: 10_000, livedAtLeastMs: 9_900, livedAtMostMs: 14_000, effectiveMs: 10_000 },
  ...{ awayMs: 40_000, detail: 'as it should', ...more },
})
const drill = (more: Partial<ClusterCommandView> = {}): ClusterCommandView => ({
  ...{ uid: 'd1', kind: 'drill', node: 'n1', mode: null, status: 'pending', reason: '' },
  ...{ createdMs: nowMs, ...more },
})
const running = (more: Partial<ClusterCommandView> = {}) => drill({ status: 'running', ...more })
const n1 = (more: Parameters<typeof aNode>[1] = {}) => aNode('n1', { health: health(), ...more })
const resting = (more: Parameters<typeof aNode>[1] = {}) =>
  n1({ state: 'maintenance', lease: { mode: 'maintenance' }, ...more })
const ended = (view: ReturnType<typeof buildView>) =>
  ofKind(play(view).plan, 'command.status').map(({ to, why }) => `${to}: ${why}`)

describe('a drill', () => {
  it('empties its node as a maintenance does, and orders nothing while anything may run there', () => {
    const services = [aService(web, 'n1')]
    const view = buildView({ nodes: [n1(), aNode('n2')], services, clusterCommands: [drill()] })
    const { after } = play(view)
    expect(after.nodes.n1!.state).toBe('maintenance')
    expect(after.services[web]!.status!.state).toBe('relocate')
    expect(desiredFor(after, 'n1')).toMatchObject({ mode: 'maintenance' })
    expect(desiredFor(after, 'n1').drill).toBeUndefined()
    expect(after.clusterCommands[0]!.reason).toContain(`waits for ${web}`)
  })

  it('is ordered once the node is empty, by its uid, of an agent that knows drills', () => {
    const view = buildView({ nodes: [resting(), aNode('n2')], clusterCommands: [running()] })
    expect(desiredFor(view, 'n1').drill).toEqual({ uid: 'd1' })
    expect(desiredFor(view, 'n2').drill).toBeUndefined()
    const old = buildView({ nodes: [resting({ health: null })], clusterCommands: [running()] })
    expect(desiredFor(old, 'n1').drill).toBeUndefined()
    const disarm = { mode: 'freeze', state: 'disarmed', sinceMs: 0, effectiveMs: 0 } as const
    expect(desiredFor({ ...view, disarm }, 'n1').drill).toBeUndefined()
  })

  it.each([
    [result(), 'done', 'its watchdog fired'],
    [result({ outcome: 'unproved' }), 'failed', 'nothing is proved'],
    [result({ outcome: 'did-not-fire' }), 'failed', 'this node cannot protect'],
    [result({ outcome: 'not-armed' }), 'failed', 'was not armed'],
  ] as const)('ends with what the node found: %j', (found, to, words) => {
    const node = resting({ health: health(found) })
    const view = buildView({ nodes: [node, aNode('n2')], clusterCommands: [running()] })
    expect(ended(view)).toEqual([expect.stringMatching(new RegExp(`^${to}: .*${words}`))])
    expect(desiredFor(view, 'n1').drill).toBeUndefined()
  })

  it('is not ended by the result of another one, and the node is free as soon as it is over', () => {
    const node = resting({ health: health(result({ uid: 'd0' })), lease: { mode: 'active' } })
    const view = buildView({ nodes: [node, aNode('n2')], clusterCommands: [running()] })
    expect(ended(view)).toEqual([expect.stringMatching(/^running: /)])
    const over = { ...view, clusterCommands: [] }
    expect(play(over).after.nodes.n1!.state).toBe('online')
  })

  it('ends with the maintenance that ends, with a disarmed cluster, and after its time', () => {
    const off = drill({ uid: 'c2', kind: 'maintenance-off' })
    const nodes = [resting(), aNode('n2')]
    const view = buildView({ nodes, clusterCommands: [running(), off] })
    expect(ended(view)[0]).toBe('failed: its maintenance was ended')
    const disarm = { mode: 'freeze', state: 'disarming', sinceMs: 0, effectiveMs: null } as const
    const disarmed = buildView({ nodes, clusterCommands: [running()], disarm })
    expect(ended(disarmed)).toEqual(['failed: the cluster is disarming'])
    const long = running({ createdMs: nowMs - drillLimitMs })
    expect(ended(buildView({ nodes, clusterCommands: [long] }))[0]).toContain('not over after 2')
  })

  it('is refused to a second node while one is under way', () => {
    const commands = [running(), drill({ uid: 'd2', node: 'n2' })]
    const view = buildView({ nodes: [resting(), aNode('n2')], clusterCommands: commands })
    expect(ended(view)).toContainEqual(expect.stringMatching(/^refused: a drill of n1/))
  })
})

describe('at the door', () => {
  const why = (view: ReturnType<typeof buildView>, name = 'n1') => {
    const refusal = refuseDrill(view, name, strandedWithout)
    return isRefusal(refusal) ? `${refusal.code}: ${refusal.sentence}` : null
  }
  const none = { class: 'none', identity: 'none', effectiveMs: 0, note: 'held by sbd' } as const
  const disarm = { mode: 'freeze', state: 'disarmed', sinceMs: 0, effectiveMs: 0 } as const

  it.each([
    [{ nodes: [n1()] }, 'n9', /^unknown-node/],
    [{ nodes: [n1({ state: 'unknown' })] }, 'n1', /^node-not-online/],
    [{ nodes: [n1({ watchdog: none })] }, 'n1', /^cannot-drill: .*held by sbd/],
    [{ nodes: [n1({ health: null })] }, 'n1', /^cannot-drill: .*knows no drills/],
    [{ nodes: [n1()], disarm }, 'n1', /^disarmed/],
    [{ nodes: [n1(), aNode('n2')], clusterCommands: [running()] }, 'n1', /^drill-running: .*n1/],
    [{ nodes: [n1()], services: [aService(web, 'n1')] }, 'n1', /^would-strand: .*process:web/],
  ])('what cannot be drilled is refused with the reason', (view, name, words) => {
    expect(why(buildView(view), name)).toMatch(words)
  })

  it('one whose silence would cost the others their quorum is refused', () => {
    const heard = (name: string, reportedMs: number | null) =>
      aNode(name, { health: health(), lease: { reportedMs } })
    const two = [heard('n1', nowMs), heard('n2', nowMs)]
    const settings = { quorum: 'majority' } as const
    const third = (reportedMs: number | null) =>
      buildView({ nodes: [...two, heard('n3', reportedMs)], settings })
    expect(why(third(null))).toMatch(/^would-lose-quorum/)
    expect(why(third(nowMs))).toBeNull()
  })

  it('one whose services have another node is accepted', () => {
    const services = [aService(web, 'n1')]
    expect(why(buildView({ nodes: [n1(), aNode('n2')], services }))).toBeNull()
  })
})

describe('a drill is due', () => {
  const of = (node: ReturnType<typeof aNode>, days = 180) =>
    whyDrillDue(node, { drillEveryDays: days }, nowMs)
  const dayMs = 86_400_000
  const { identity } = aNode('n1').watchdog
  const drilled = (more: Partial<DrillResult>) =>
    n1({ health: health(result({ identity, ...more })) })

  it('where none was ever done, of this device; where the last proved nothing; where it was long ago', () => {
    expect(of(n1())).toContain('never')
    expect(of(drilled({ identity: 'another' }))).toContain('never')
    expect(of(drilled({ outcome: 'unproved' }))).toContain('proved nothing')
    expect(of(drilled({ atMs: nowMs - 182 * dayMs }))).toContain('182 days ago')
    expect(of(drilled({ atMs: nowMs - 100 * dayMs }))).toBeNull()
  })

  it('not where nobody wants any, nor of what cannot fire', () => {
    expect(of(n1(), 0)).toBeNull()
    const simulated = { class: 'simulated', identity: 's', effectiveMs: 1 } as const
    expect(of(n1({ watchdog: simulated }))).toBeNull()
  })
})

describe('how a life ended', () => {
  const lastEnd = { uid: 'boot-2', kind: 'crashed', why: 'no power', bootStatus: 0 } as const

  it('is told once, in the story of the node', () => {
    const told = { ...health(), lastEnd }
    const { plan, after } = play(buildView({ nodes: [aNode('n1', { health: told })] }))
    expect(ofKind(plan, 'node.ended')).toMatchObject([{ node: 'n1', end: 'boot-2' }])
    expect(after.nodes.n1!.toldEnd).toBe('boot-2')
    expect(play(after).plan.changes).toEqual([])
  })
})
