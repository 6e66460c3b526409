// Disarm and arm, decision by decision (reference 2.11 steps 1 to 7, T44, T40; D5, D8, D9). What becomes of services that
// anybody may have moved is in arm-ignored.test.ts.
import { describe, expect, it } from 'vitest'
import { fencingStatus } from '../../control-plane/cluster/disarm.ts'
import { statusOf } from '../../control-plane/cluster/status.ts'
import type { ServiceView } from '../../control-plane/cluster/view.ts'
import { aCommand, aNode, aService, buildView, nowMs, silentNode } from './build-view.ts'
import { clusterCommand, disarming, frozen, letGo, ordersOf } from './disarm-rig.ts'
import { ofKind, play, statesOf } from './play.ts'

const web = 'process:web'
const db = 'process:db'

describe('the command to disarm', () => {
  const asked = (mode: 'freeze' | 'ignore', services: ServiceView[] = []) =>
    buildView({ services, clusterCommands: [clusterCommand({ mode })] })

  it.each([
    'started',
    'stopped',
    'request_stop',
    'request_start',
    'request_start_balance',
  ] as const)('freezes what is %s at once, and leaves its grant as it is (T44)', (state) => {
    const isHeld = state === 'started' || state === 'request_stop'
    const requested =
      state.startsWith('request_start') || state === 'started' ? 'started' : 'stopped'
    const target = state === 'request_start_balance' ? 'n2' : null
    const probeRound = state === 'request_start' ? 10 : null
    const service = aService(web, 'n1', {
      config: { requested },
      status: { state, running: isHeld, target, probeRound },
      grant: isHeld,
    })
    const { plan, after } = play(asked('freeze', [service]))
    expect(statesOf(plan, web)).toEqual(['freeze'])
    expect(after.services[web]!.grant).toEqual(service.grant)
    expect(after.disarm).toMatchObject({ mode: 'freeze', state: 'disarming', effectiveMs: nowMs })
    expect(after.services[web]!.status!.note).toBe('frozen: the cluster is disarmed')
  })

  it('leaves an error alone', () => {
    const { after } = play(asked('freeze', [aService(web, 'n1', { status: { state: 'error' } })]))
    expect(after.services[web]!.status!.state).toBe('error')
    expect(after.disarm).toMatchObject({ effectiveMs: nowMs })
  })

  it('in mode ignore keeps every record as it is, forgets what was about to be done, and says ignore', () => {
    const status = { restart: true, command: 'c9', stopTimeoutMs: 5, fallbackNode: 'n3' }
    const { after } = play(asked('ignore', [aService(web, 'n1', { status })]))
    expect(after.services[web]!.status).toMatchObject({
      ...{ state: 'started', node: 'n1', fallbackNode: 'n3' },
      ...{ restart: false, command: null, stopTimeoutMs: null, running: false },
    })
    const crm = { replica: null, lastRoundMsAgo: null }
    const around = { crm, jobs: [], schedules: [], replicas: [] }
    expect(statusOf(after, around, { services: 0, unprotected: [] }).services[0]).toMatchObject({
      state: 'ignore',
      crmState: 'started',
    })
  })

  it('waits for what is in fence, recovery or a move, ends that, and begins nothing new (step 2)', () => {
    const moving = aService(web, 'n1', {
      status: { state: 'relocate', target: 'n2', deadlineMs: nowMs + 60_000 },
    })
    const other = aService(db, 'n3', { config: { requested: 'stopped' } })
    const first = play(asked('freeze', [moving, other]))
    expect(first.after.disarm).toMatchObject({ state: 'disarming', effectiveMs: null })
    expect(first.after.services[db]!.status!.state).toBe('started')
    expect(first.after.services[db]!.status!.note).toContain('process:web, which is in relocate')
    expect(fencingStatus(first.after).waitsFor).toBe('waits for process:web, which is in relocate')
    expect(ordersOf(first.after, 'n1').mode).toBe('active')
    // Its node has ended it: it arrives, and then everything is frozen, in one plan.
    const { after } = first
    after.nodes.n1!.report!.closed = [{ sid: web, generation: 1 }]
    const then = play({ ...after, round: 300 })
    expect(statesOf(then.plan, web)).toEqual(['started', 'freeze'])
    expect(statesOf(then.plan, db)).toEqual(['freeze'])
    expect(then.after.services[web]!.status!.node).toBe('n2')
    expect(then.after.disarm!.effectiveMs).toBe(nowMs)
    expect(ordersOf(then.after, 'n1').mode).toBe('disarm')
  })

  it('waits for a dead node’s services to be recovered first, and freezes them where they then are', () => {
    const nodes = [aNode('n1'), silentNode('n2', { state: 'unknown' })]
    const view = buildView({
      nodes,
      services: [aService(web, 'n2')],
      clusterCommands: [clusterCommand({})],
    })
    const { plan, after } = play(view)
    expect(statesOf(plan, web)).toEqual(['fence', 'recovery', 'started', 'freeze'])
    expect(after.services[web]).toMatchObject({
      status: { node: 'n1' },
      grant: { holders: [{ node: 'n1' }] },
    })
  })

  it('comes before moves that were commanded together with it: they are refused (D5)', () => {
    const view = asked('freeze', [aService(web, 'n1')])
    const commands = [aCommand('relocate', web, { node: 'n2' }), aCommand('restart', web)]
    const { plan, after } = play({ ...view, commands })
    const ends = ofKind(plan, 'command.status').filter(({ sid }) => sid === web)
    expect(ends).toMatchObject([
      { to: 'refused', why: 'the cluster is disarming: arm it first' },
      { to: 'refused', why: 'the cluster is disarming: arm it first' },
    ])
    expect(after.services[web]!.status!.node).toBe('n1')
  })

  it('given twice is refused the second time, also in another mode, with the reason (D5)', () => {
    const view = buildView({
      disarm: disarming('freeze'),
      clusterCommands: [clusterCommand({ mode: 'ignore' })],
    })
    const { plan, after } = play(view)
    expect(ofKind(plan, 'command.status')).toMatchObject([
      { to: 'refused', why: 'the cluster is disarming already, in mode freeze' },
    ])
    expect(after.disarm!.mode).toBe('freeze')
  })

  it('is done when every node that answers has let go; a silent one keeps nobody waiting (step 5)', () => {
    const command = clusterCommand({ status: 'running' })
    const nodes = [
      aNode('n1', { lease: letGo }),
      aNode('n2'),
      silentNode('n3', { state: 'unknown' }),
    ]
    const view = buildView({ nodes, disarm: disarming('freeze'), clusterCommands: [command] })
    expect(play(view).plan.changes).toEqual([])
    expect(fencingStatus(view).waitsFor).toBe('waits for n2 to let go of the watchdog')
    expect(play(view).after.nodes.n3!.note).toContain('may not know that the cluster is disarmed')
    // Saying so is not enough: the release of its watchdog must be committed (rule 11).
    view.nodes.n2!.lease = { ...view.nodes.n2!.lease, mode: 'disarm', armed: true }
    expect(play(view).plan.changes).toEqual([])
    view.nodes.n2!.lease = { ...view.nodes.n2!.lease, ...letGo }
    const { plan, after } = play(view)
    expect(after.disarm!.state).toBe('disarmed')
    expect(ofKind(plan, 'command.status')).toMatchObject([{ to: 'done' }])
  })
})

describe('while the cluster is disarmed', () => {
  const nodes = () => [aNode('n1', { lease: letGo }), aNode('n2', { lease: letGo })]

  it('nothing is taken up or let go of: not what is new, removed, or to be ignored (step 6)', () => {
    const fresh = aService(web, 'n1', { status: null, grant: false, everGranted: false })
    const gone = aService(db, 'n1', { ...frozen, config: null })
    const view = buildView({
      nodes: nodes(),
      services: [fresh, gone],
      disarm: disarming('freeze', { state: 'disarmed' }),
    })
    expect(play(view).plan.changes).toEqual([])
  })

  it('a node that dies is not fenced, and its services go nowhere, in both modes', () => {
    for (const mode of ['freeze', 'ignore'] as const) {
      const services = [aService(web, 'n2', mode === 'freeze' ? frozen : {})]
      const dead = silentNode('n2', { state: 'unknown', lease: letGo })
      const view = buildView({ nodes: [nodes()[0]!, dead], services, disarm: disarming(mode) })
      const kinds = play(view).plan.changes.map(({ kind }) => kind)
      expect(kinds.filter((kind) => kind !== 'disarm.changed')).toEqual([])
    }
  })

  it('each node is told so, and in mode ignore nothing else but what it holds', () => {
    const services = [
      aService(web, 'n1'),
      aService(db, 'n1', { status: { state: 'stopped', running: false }, grant: false }),
    ]
    const view = buildView({ nodes: nodes(), services, disarm: disarming('ignore') })
    const { mode, services: orders } = ordersOf(view, 'n1')
    expect(mode).toBe('disarm')
    expect(orders).toMatchObject([{ sid: web, state: 'ignored', generation: 1 }])
    // Also of a copy that was moved there by hand.
    view.nodes.n2!.report!.running = [{ sid: web, generation: 1, state: 'running', stable: true }]
    expect(ordersOf(view, 'n2').services).toEqual([])
  })

  it('a wish waits, and its command with it', () => {
    const view = buildView({
      nodes: nodes(),
      services: [aService(web, 'n1', { ...frozen, config: { requested: 'stopped' } })],
      disarm: disarming('freeze', { state: 'disarmed' }),
      commands: [aCommand('stop', web, { stopTimeoutMs: 0 })],
    })
    const { after } = play(view)
    expect(after.commands).toMatchObject([{ status: 'running' }])
    expect(after.services[web]!.status!.state).toBe('freeze')
  })

  it('what a lost history had started is adopted and left as it is', () => {
    const lost = { ...frozen, grant: false as const, lastGeneration: 5 }
    const view = buildView({
      nodes: nodes(),
      services: [aService(web, 'n1', lost)],
      disarm: disarming('freeze', { state: 'disarmed' }),
    })
    view.nodes.n1!.report!.running = [{ sid: web, generation: 7, state: 'running', stable: true }]
    const { after } = play(view)
    expect(after.services[web]).toMatchObject({
      status: { state: 'freeze' },
      grant: { generation: 7 },
    })
  })
})
