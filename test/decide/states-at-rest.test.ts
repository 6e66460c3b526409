// The states in which a service is stopped, in error, frozen or on its way elsewhere, on a healthy cluster (reference T1–T44
// with our differences D1–D14).
import { describe, expect, it } from 'vitest'
import { nowMs, type ServiceChanges, silentNode } from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'
import { off, statusAfter, view, web } from './one-service.ts'

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
    v.nodes.n1 = silentNode('n1', { state: 'unknown', lease: { mode: 'restart' } }, 3_600_000)
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
