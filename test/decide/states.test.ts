// A service that is new, let go of, or to run, on a healthy cluster (reference T1–T44 with our differences D1–D14); its other
// states: states-at-rest.test.ts.
import { describe, expect, it } from 'vitest'
import { aGroup, nowMs } from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'
import { off, statusAfter, view, web } from './one-service.ts'

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
    expect(statusAfter(v).note).toContain(
      'n2 cannot tell whether anything of it is there (its process driver',
    )
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
