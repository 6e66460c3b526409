// The state machine of a service, state by state, on a healthy cluster (reference T1–T44 with our differences D1–D14).
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../shared/outcome.ts'
import {
  aGroup,
  aNode,
  aService,
  buildView,
  nowMs,
  type ServiceChanges,
  silentNode,
} from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'

const web = 'process:web'
const off: ServiceChanges = { status: { state: 'stopped', running: false }, grant: false }

/** One service in `changes` on n1; `result` is what n1 answers to its order, having closed it or not. */
function view(changes: ServiceChanges, result?: Outcome, isClosed = false) {
  const n1 = aNode('n1')
  if (result) n1.report!.results = [{ uid: `uid-${web}`, sid: web, outcome: result }]
  if (isClosed) n1.report!.closed = [{ sid: web, generation: 1 }]
  return buildView({
    nodes: [n1, aNode('n2'), aNode('n3')],
    services: [aService(web, 'n1', changes)],
  })
}

const statusAfter = (v: ReturnType<typeof view>) => play(v).after.services[web]!.status!

describe('a new service', () => {
  const fresh = (requested: 'started' | 'stopped' | 'disabled' | 'ignored') =>
    view({ config: { requested }, status: null, grant: false, everGranted: false })

  it('that is wanted asks every node before its first grant (rule 7, S18c)', () => {
    const { plan, after } = play(fresh('started'))
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status).toMatchObject({ state: 'request_start', probeRound: 200 })
    expect(after.services[web]!.status!.note).toBe(
      'first start: waits for n1 n2 n3 to say that nothing of it runs there',
    )
    for (const node of Object.values(after.nodes)) node.lease.revision = 200
    const next = play({ ...after, round: 201 })
    expect(statesOf(next.plan, web)).toEqual(['started'])
    expect(next.after.services[web]!.grant!.generation).toBe(1_000)
  })

  it('is adopted where a node says that it runs it already, and not started (rule 7)', () => {
    const v = view({
      status: { state: 'request_start', running: false, probeRound: 50 },
      grant: false,
      everGranted: false,
    })
    v.nodes.n2!.report!.running = [{ sid: web, generation: 0, state: 'running', stable: true }]
    const { plan, after } = play(v)
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]).toMatchObject({
      status: { state: 'started', node: 'n2', foundAs: 0, probeRound: null },
      grant: { generation: 1_000, holders: [{ node: 'n2', confirmed: true }] },
    })
  })

  it('is started nowhere while two nodes say that they run it, or one that it cannot say', () => {
    const v = view({
      status: { state: 'request_start', running: false, probeRound: 50 },
      grant: false,
      everGranted: false,
    })
    const copy = { sid: web, generation: 0, state: 'running' as const, stable: true }
    v.nodes.n2!.report!.running = [copy]
    v.nodes.n3!.report!.running = [copy]
    expect(play(v).plan.changes).toEqual([])
    expect(statusAfter(v).note).toContain('n2 and n3 say that they run it')
    v.nodes.n3!.report!.running = []
    v.nodes.n2!.report!.running = [{ ...copy, state: 'unknown' }]
    expect(play(v).plan.changes).toEqual([])
    expect(statusAfter(v).note).toContain('n2 cannot tell whether anything of it is there')
  })

  it('that is not wanted ends stopped', () => {
    expect(statusAfter(fresh('disabled')).state).toBe('stopped')
    expect(statusAfter(fresh('stopped')).state).toBe('stopped')
  })

  it('that is ignored is not managed', () => {
    expect(play(fresh('ignored')).plan.changes).toEqual([])
  })

  it('whose old grant is still open is adopted where it runs (S18b)', () => {
    const { plan, after } = play(view({ status: null }))
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status).toMatchObject({ state: 'started', node: 'n1' })
  })
})

describe('letting go of a service', () => {
  it.each([
    ['removed', { config: null }],
    ['ignored', { config: { requested: 'ignored' as const } }],
  ])('%s: its record goes, its grant stays (T3, S18b)', (_, changes) => {
    const { after } = play(view(changes))
    expect(after.services[web]!.status).toBeNull()
    expect(after.services[web]!.grant!.generation).toBe(1)
  })

  it('removed with no grant open leaves nothing', () => {
    expect(play(view({ ...off, config: null })).after.services[web]).toBeUndefined()
  })
})

describe('started', () => {
  it('that runs where it is best is left alone', () => {
    const { plan } = play(view({}))
    expect(plan.changes).toEqual([])
    expect(plan.nextRoundMs).toBe(nowMs + 8_000)
  })

  it('is running once its agent says ok', () => {
    expect(statusAfter(view({ status: { running: false } }, 'ok')).running).toBe(true)
  })

  it('that failed on one node is tried on the next when the failed one has closed it (T20, M18)', () => {
    const { plan, after } = play(view({ status: { running: false } }, 'error', true))
    expect(statesOf(plan, web)).toEqual(['relocate', 'started'])
    expect(after.services[web]!.status).toMatchObject({
      node: 'n2',
      failedNodes: ['n1'],
      running: false,
    })
    expect(after.services[web]!.grant).toMatchObject({
      generation: 1_000,
      holders: [{ node: 'n2' }],
    })
  })

  it('that failed but is not proved stopped is started nowhere else (M18)', () => {
    const { plan, after } = play(view({ status: { running: false } }, 'timeout'))
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status).toMatchObject({
      state: 'relocate',
      node: 'n1',
      target: 'n2',
    })
  })

  it('that failed on more nodes than allowed ends in error (T21)', () => {
    const after = statusAfter(
      view({ status: { running: false, failedNodes: ['n2'] } }, 'error', true),
    )
    expect(after).toMatchObject({ state: 'error', failedNodes: ['n2', 'n1'] })
  })

  it.each(['unknown-service', 'invalid', 'ignored'] as const)(
    'that answers %s ends in error (T22)',
    (outcome) => {
      expect(statusAfter(view({ status: { running: false } }, outcome, true)).state).toBe('error')
    },
  )

  it('that failed with no other node left is tried again in place, and that counts (2.9)', () => {
    const v = view(
      { status: { running: false }, config: { maxRelocate: 2, group: 'one' } },
      'error',
      true,
    )
    v.groups = { one: aGroup('one', { n1: 1 }, { restricted: true }) }
    expect(statusAfter(v)).toMatchObject({ state: 'started', node: 'n1', failedNodes: ['n1'] })
  })

  it('clears its failures only when it has kept running (D2)', () => {
    const status = { failedNodes: ['n2'], running: true }
    const runningAs = (stable: boolean) => {
      const v = view({ status }, 'ok')
      v.nodes.n1!.report!.running = [{ sid: web, generation: 1, state: 'running', stable }]
      return statusAfter(v).failedNodes
    }
    expect(runningAs(false)).toEqual(['n2'])
    expect(runningAs(true)).toEqual([])
  })

  it('that lost its grant gets a new one with a new order where it is', () => {
    const { after } = play(view({}, undefined, true))
    expect(after.services[web]!.status).toMatchObject({ node: 'n1', running: false })
    expect(after.services[web]!.status!.uid).not.toBe(`uid-${web}`)
    expect(after.services[web]!.grant!.generation).toBe(1_000)
  })

  it('that is no longer wanted is stopped with its grant still open', () => {
    const { after } = play(view({ config: { requested: 'stopped' } }))
    expect(after.services[web]!.status!.state).toBe('request_stop')
    expect(after.services[web]!.grant!.generation).toBe(1)
  })

  it('on a node that is no member any more is placed anew', () => {
    const v = view({ grant: false, status: { node: 'n9', running: false } })
    expect(statesOf(play(v).plan, web)).toEqual(['fence', 'recovery', 'started'])
  })

  it('is started on no node without driver, watchdog or an active agent', () => {
    const v = view({ grant: false, status: { node: null, running: false } })
    v.nodes.n1!.drivers = ['vm']
    v.nodes.n2!.watchdog = { class: 'none', identity: '', effectiveMs: 0 }
    v.nodes.n3!.lease.mode = 'shutdown'
    const { plan, after } = play(v)
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    const { note } = after.services[web]!.status!
    expect(note).toContain('n1: it has no driver for process')
    expect(note).toContain('n2: it has no watchdog')
    expect(note).toContain('n3: its agent is in mode shutdown')
  })
})

describe('request_stop', () => {
  const stopping: ServiceChanges = {
    config: { requested: 'stopped' },
    status: { state: 'request_stop', running: false },
  }

  it('is stopped when the agent has ended its grant, not when it says ok (S18)', () => {
    expect(statusAfter(view(stopping, 'ok')).state).toBe('request_stop')
    expect(statusAfter(view(stopping, 'ok', true)).state).toBe('stopped')
  })

  it('that fails ends in error with its grant open (T26)', () => {
    const { after } = play(view(stopping, 'timeout'))
    expect(after.services[web]!.status!.state).toBe('error')
    expect(after.services[web]!.grant).not.toBeNull()
  })

  it('that is wanted again is stopped first and started then', () => {
    const { plan } = play(view({ ...stopping, config: { requested: 'started' } }, 'ok', true))
    expect(statesOf(plan, web)).toEqual(['stopped', 'request_start', 'started'])
  })
})

describe('stopped', () => {
  it('that is wanted starts where it was (T34)', () => {
    const { plan, after } = play(view(off))
    expect(statesOf(plan, web)).toEqual(['request_start', 'started'])
    expect(after.services[web]!.status!.node).toBe('n1')
  })

  it('after a time unmanaged asks every node again before it starts (S18)', () => {
    const v = view({ ...off, status: { ...off.status, probeRound: 150 } })
    const { plan, after } = play(v)
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status).toMatchObject({ state: 'request_start', probeRound: 200 })
  })
})

describe('error', () => {
  const broken: ServiceChanges = {
    status: { state: 'error', running: false, failedNodes: ['n1', 'n2'] },
  }

  it('is left alone', () => {
    expect(play(view(broken)).plan.changes).toEqual([])
  })

  it('disabled with a grant open is stopped first: no change of state closes a grant (S18a)', () => {
    const { after } = play(view({ ...broken, config: { requested: 'disabled' } }))
    expect(after.services[web]!.status!.state).toBe('request_stop')
    expect(after.services[web]!.grant).not.toBeNull()
  })

  it('disabled and enabled without a repair repeats only the restart policy (D2)', () => {
    const { after } = play(view({ ...broken, grant: false, config: { requested: 'disabled' } }))
    expect(after.services[web]!.status).toMatchObject({
      state: 'stopped',
      failedNodes: ['n1', 'n2'],
    })
  })
})

describe('freeze', () => {
  it.each(['started', 'stopped', 'request_stop'] as const)(
    '%s is frozen when its agent is about to restart (T41)',
    (state) => {
      const isOff = state === 'stopped'
      const requested = state === 'started' ? 'started' : 'stopped'
      const v = view({ config: { requested }, status: { state, running: !isOff }, grant: !isOff })
      v.nodes.n1!.lease.mode = 'restart'
      const { after } = play(v)
      expect(after.services[web]!.status!.state).toBe('freeze')
      expect(after.services[web]!.grant === null).toBe(isOff)
    },
  )

  it('thaws under the same grant when the agent is back (T40)', () => {
    const { after } = play(view({ status: { state: 'freeze' } }))
    expect(after.services[web]!.status!.state).toBe('started')
    expect(after.services[web]!.grant!.generation).toBe(1)
  })

  it('stays with a node that is off, for as long as it is off (policy freeze), until a person vouches for its death', () => {
    const v = view({ status: { state: 'freeze', running: false }, grant: false })
    v.nodes.n1 = silentNode('n1', { state: 'unknown' }, 3_600_000)
    expect(statusAfter(v)).toMatchObject({ state: 'freeze', node: 'n1' })
    expect(statusAfter(v).note).toContain('ha-manager fence confirm n1')
    v.nodes.n1.lease = { ...v.nodes.n1.lease, bootId: null, epoch: 4, vouchedRound: 199 }
    expect(statusAfter(v)).toMatchObject({ state: 'started', node: 'n2' })
    delete v.nodes.n1
    v.services[web]!.status!.node = null
    expect(statusAfter(v)).toMatchObject({ state: 'started', node: 'n2' })
  })

  it.each([
    ['never granted', { everGranted: false }, {}],
    ['not managed for a while', {}, { probeRound: 150 }],
  ])(
    'leads past no question: a service that was %s asks every node before it starts',
    (_, service, status) => {
      const frozen = { state: 'freeze' as const, running: false, ...status }
      const back = play(view({ ...service, status: frozen, grant: false }))
      expect(back.after.services[web]!.status).toMatchObject({
        state: 'request_start',
        probeRound: 200,
      })
      const lost = view({ ...service, status: frozen, grant: false })
      lost.nodes.n1 = silentNode('n1', { state: 'unknown' })
      expect(ofKind(play(lost).plan, 'grant.opened')).toEqual([])
    },
  )

  it('thaws into a new grant when its node has booted meanwhile', () => {
    const { after } = play(view({ status: { state: 'freeze', running: false }, grant: false }))
    expect(after.services[web]!.status!.state).toBe('started')
    expect(after.services[web]!.grant!.generation).toBe(1_000)
  })
})

describe('relocate', () => {
  const moving: ServiceChanges = {
    status: { state: 'relocate', target: 'n2', running: false, deadlineMs: nowMs + 60_000 },
  }

  it('waits for the source to end its grant, whatever it answers', () => {
    const { plan, after } = play(view(moving, 'ok'))
    expect(plan.changes).toEqual([])
    expect(after.services[web]!.status!.note).toContain('waits for n1 to stop it')
  })

  it('starts on the target when nothing of it is left on the source', () => {
    const { after } = play(view(moving, 'ok', true))
    expect(after.services[web]!.status).toMatchObject({
      state: 'started',
      node: 'n2',
      target: null,
    })
    expect(after.services[web]!.grant!.holders).toMatchObject([{ node: 'n2' }])
  })

  it.each(['error', 'timeout'] as const)(
    'that answers %s goes back, and is tried later each time (T10, D7)',
    (outcome) => {
      const after = statusAfter(view({ status: { ...moving.status, moveFailures: 3 } }, outcome))
      expect(after).toMatchObject({
        state: 'started',
        node: 'n1',
        moveFailures: 4,
        retryAtMs: nowMs + 80_000,
      })
    },
  )

  it('past its deadline goes back', () => {
    const v = view({ status: { ...moving.status, deadlineMs: nowMs } })
    expect(statusAfter(v)).toMatchObject({ state: 'started', node: 'n1', moveFailures: 1 })
  })

  it('whose target is lost meanwhile goes on elsewhere', () => {
    const v = view(moving, 'ok', true)
    v.nodes.n2!.lease.mode = 'shutdown'
    const after = statusAfter(v)
    expect(after).toMatchObject({ state: 'started', node: 'n1' })
  })

  it('that is no longer wanted ends stopped', () => {
    expect(
      statusAfter(view({ ...moving, config: { requested: 'stopped' } }, 'ok', true)).state,
    ).toBe('stopped')
  })

  it('whose wrong node answers ends in error (T8)', () => {
    expect(statusAfter(view(moving, 'wrong-node')).state).toBe('error')
  })
})
