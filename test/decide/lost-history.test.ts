// What nodes say they run under a generation that this database does not know: adopted where that is sound (rule 9),
// and never started elsewhere while their word stands.
import { describe, expect, it } from 'vitest'
import type { ServiceState } from '../../shared/service.ts'
import { applyChange } from '../../control-plane/cluster/apply.ts'
import type { ReportView } from '../../control-plane/cluster/node-words.ts'
import {
  aNode,
  aService,
  buildView,
  type NodeChanges,
  nowMs,
  type ServiceChanges,
  silentNode,
} from './build-view.ts'
import { disarming } from './disarm-rig.ts'
import { ofKind, play } from './play.ts'

const web = 'process:web'

/** `name`, which last said under epoch 3 that it runs `web` as `generation`. */
function sayer(name: string, generation = 6, changes: NodeChanges = {}, report?: object) {
  const running = [{ sid: web, generation, state: 'running' as const, stable: true }]
  const said: ReportView = {
    epoch: 3,
    bootId: `${name}-boot-1`,
    seq: 9,
    running,
    closed: [],
    results: [],
    ...report,
  }
  return aNode(name, { ...changes, report: said })
}

/** This database knows generations up to 5. */
const lost = (changes: ServiceChanges = {}) =>
  aService(web, 'n1', {
    grant: false,
    lastGeneration: 5,
    ...changes,
    status: { state: 'recovery', running: false, ...changes.status },
  })
const viewOf = (n3 = sayer('n3'), service = lost(), n2 = aNode('n2')) =>
  buildView({ nodes: [aNode('n1'), n2, n3], services: [service] })

describe('a service that one node runs under an unknown generation', () => {
  it.each<ServiceState>([
    'request_start',
    'started',
    'request_stop',
    'stopped',
    'relocate',
    'fence',
    'recovery',
    'freeze',
  ])('is adopted there, in state %s', (state) => {
    const target = state === 'relocate' ? 'n2' : null
    const { plan, after } = play(viewOf(sayer('n3'), lost({ status: { state, target } })))
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(ofKind(plan, 'grant.adopted')).toMatchObject([{ generation: 6, node: 'n3', epoch: 3 }])
    expect(after.services[web]).toMatchObject({
      grant: { generation: 6, holders: [{ node: 'n3', epoch: 3, confirmed: true }] },
      status: { state: 'started', node: 'n3', target: null },
    })
  })

  it.each<ServiceState>(['stopped', 'request_start', 'started', 'error'])(
    'is adopted in a disarmed cluster, where it is in no state without a grant then: %s',
    (state) => {
      const disarm = disarming('ignore', { state: 'disarmed' })
      const { plan, after } = play({ ...viewOf(sayer('n3'), lost({ status: { state } })), disarm })
      expect(ofKind(plan, 'grant.adopted')).toMatchObject([{ generation: 6, node: 'n3', epoch: 3 }])
      const left = state === 'error' ? state : 'started'
      expect(after.services[web]!.status).toMatchObject({ state: left, node: 'n3' })
    },
  )

  it('is adopted before its first grant, instead of being started (rule 7)', () => {
    const fresh = lost({ everGranted: false, lastGeneration: null, status: null })
    const { after } = play(viewOf(sayer('n3'), { ...fresh, status: null }))
    expect(after.services[web]!.status).toMatchObject({ state: 'started', node: 'n3' })
    expect(after.services[web]!.grant!.generation).toBe(6)
  })

  it('is adopted in a quarantine: what runs, runs on', () => {
    const view = viewOf()
    view.planeEpoch.quarantineUntilMs = nowMs + 10_000
    expect(play(view).after.services[web]!.grant!.generation).toBe(6)
  })

  it('is adopted to be stopped when it is not wanted', () => {
    const { after } = play(viewOf(sayer('n3'), lost({ config: { requested: 'stopped' } })))
    expect(after.services[web]).toMatchObject({
      grant: { generation: 6 },
      status: { state: 'request_stop', node: 'n3' },
    })
  })

  it('in error is held where it runs, and left alone', () => {
    const { after } = play(viewOf(sayer('n3'), lost({ status: { state: 'error' } })))
    expect(after.services[web]).toMatchObject({
      grant: { generation: 6 },
      status: { state: 'error', node: 'n3' },
    })
  })

  it('is started anew when its node has ended it for good', () => {
    const adopted = play(viewOf()).after
    const n3 = adopted.nodes.n3!
    const report = { ...n3.report!, running: [], closed: [{ sid: web, generation: 6 }] }
    const nodes = { ...adopted.nodes, n3: { ...n3, report } }
    const { after } = play({ ...adopted, nodes, round: 201 })
    expect(after.services[web]!.grant!.generation).toBe(1_000)
  })

  it.each([
    ['a second node says so, too', viewOf(sayer('n3'), lost(), sayer('n2', 7))],
    ['a node that lost its lease said so, too', viewOf(sayer('n3'), lost(), revoked('n2', 7))],
    [
      'it is there in two generations',
      viewOf(
        sayer(
          'n3',
          6,
          {},
          {
            running: [6, 7].map((generation) => ({
              sid: web,
              generation,
              state: 'running',
              stable: true,
            })),
          },
        ),
      ),
    ],
    ['the number was never allotted', viewOf(sayer('n3', 1_000))],
    ['its node is silent', viewOf(silentSayer())],
    [
      'it is not known to run',
      viewOf(
        sayer(
          'n3',
          6,
          {},
          {
            running: [{ sid: web, generation: 6, state: 'unknown', stable: false }],
          },
        ),
      ),
    ],
  ])('is neither adopted nor started while %s', (_, view) => {
    const { plan, after } = play(view)
    expect(ofKind(plan, 'grant.adopted')).toEqual([])
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status!.note).toContain('runs process:web as generation')
  })

  it('is adopted although a fenced node last named a generation that was closed since', () => {
    const { after } = play(viewOf(sayer('n3'), lost(), revoked('n2', 5)))
    expect(after.services[web]!.grant!.generation).toBe(6)
  })
})

/** Its lease is revoked, and nothing was granted to it. */
function revoked(name: string, generation = 6, changes: NodeChanges = {}) {
  const lease = { epoch: 4, bootId: null, armed: false, guarded: null }
  return sayer(name, generation, { state: 'unknown', ...changes, lease })
}

function silentSayer() {
  const node = silentNode('n3', { state: 'unknown' }, 20_000)
  return { ...node, report: sayer('n3').report }
}

describe('the last word of a node that lost its lease', () => {
  it('about an unknown generation goes on blocking the start elsewhere, and the note names the way out', () => {
    const { plan, after } = play(viewOf(revoked('n3')))
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status!.note).toContain('ha-manager fence confirm n3')
  })

  it('blocks also when its agent asks anew in that very plan', () => {
    const epochRequest = {
      bootId: 'n3-boot-1',
      sameHardware: true,
      planeEpoch: 1,
      nonce: null,
      found: [],
      requestedMs: nowMs - 100,
    }
    const { plan } = play(viewOf(sayer('n3', 6, { epochRequest })))
    expect(ofKind(plan, 'lease.revoked')).toHaveLength(1)
    expect(ofKind(plan, 'grant.opened')).toEqual([])
  })

  it('about a generation that is closed blocks nothing', () => {
    expect(play(viewOf(revoked('n3', 5))).after.services[web]!.grant!.generation).toBe(1_000)
  })

  it.each([
    ['it says otherwise under a newer epoch', aNode('n3', { lease: { epoch: 4 } })],
    ['its node was removed', null],
  ])('stands until %s', (_, n3) => {
    const view = viewOf()
    if (n3) view.nodes.n3 = n3
    else delete view.nodes.n3
    expect(play(view).after.services[web]!.grant!.generation).toBe(1_000)
  })

  it('stands until a person vouches for its death', () => {
    const operator = { kind: 'lease.revoked', node: 'n3', epoch: 3, mode: 'operator' } as const
    const confirmed = applyChange(viewOf(silentSayer()), { ...operator, why: 'dead' })
    expect(play(confirmed).after.services[web]!.grant!.generation).toBe(1_000)
  })
})

describe('quarantine after a cut history (rule 9, S5)', () => {
  const cut = (quarantineUntilMs: number, attestedPlaneEpoch = 2) =>
    buildView({
      planeEpoch: { number: 2, uuid: '00000000-0000-4000-8000-000000000002', quarantineUntilMs },
      nodes: ['n1', 'n2', 'n3'].map((name) =>
        aNode(name, { lease: { attestedPlaneEpoch: name === 'n3' ? attestedPlaneEpoch : 2 } }),
      ),
      services: [aService(web, 'n3', { grant: false, status: { running: false } })],
    })

  it('starts nothing before every lease of the lost history is over (S5a)', () => {
    const { plan, after } = play(cut(nowMs + 10_000))
    expect(plan.changes).toEqual([])
    expect(after.services[web]!.status!.note).toContain('quarantine')
    expect(plan.nextRoundMs).toBeLessThanOrEqual(nowMs + 10_000)
  })

  it('starts nothing before every node has attested, and names the missing ones (S5a)', () => {
    const { plan, after } = play(cut(nowMs - 1, 1))
    expect(plan.changes).toEqual([])
    expect(after.services[web]!.status!.note).toContain('n3')
    expect(after.nodes.n3!.note).toContain('has not attested')
  })

  it('ends when both hold, and then starts', () => {
    const { plan } = play(cut(nowMs - 1))
    expect(plan.changes.map((change) => change.kind)).toEqual([
      'quarantine.ended',
      'service.changed',
      'grant.opened',
    ])
  })

  it('takes neither the watchdog nor a missing confirm as proof: the truth may lie in the lost history', () => {
    const view = cut(nowMs - 1, 1)
    view.nodes.n3 = silentNode('n3', { lease: { attestedPlaneEpoch: 1 } })
    view.services[web] = aService(web, 'n3')
    const { plan } = play(view)
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
  })

  it('a service that a node still says it runs, although its grant was closed, is not started elsewhere', () => {
    const view = cut(nowMs - 1)
    view.nodes.n2!.report!.running = [{ sid: web, generation: 900, state: 'running', stable: true }]
    const { plan, after } = play(view)
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status!.note).toContain(
      'n2 says that it runs process:web as generation 900',
    )
  })
})
