// New lease epochs, settled rejoin, and evidence given by agents: whose word closes what.
import { describe, expect, it } from 'vitest'
import { aNode, aService, buildView, leaseFrom, nowMs, silentNode } from './build-view.ts'
import { ofKind, play } from './play.ts'
import { challenged, db, found, request, web } from './challenged.ts'

describe('a node that asks for a new epoch', () => {
  it('is revoked first, then asked about every grant it held', () => {
    const n3 = aNode('n3', { epochRequest: request() })
    const { plan, after } = play(
      buildView({ nodes: [aNode('n1'), n3], services: [aService(web, 'n3')] }),
    )
    expect(plan.changes.map((change) => change.kind)).toEqual([
      'node.state',
      'lease.revoked',
      'node.challenged',
    ])
    expect(after.nodes.n3!.challenge).toMatchObject({
      epoch: 4,
      questions: [{ sid: web, generation: 1 }],
    })
    expect(after.nodes.n3!.lease.bootId).toBeNull()
    expect(after.services[web]!.grant).not.toBeNull()
  })

  it('that never had one is challenged with nothing, and gets its epoch on the answer', () => {
    const lease = { epoch: 1, bootId: null, renewedMs: null, guarded: null }
    const fresh = aNode('n3', { state: 'unknown', lease, epochRequest: request() })
    const asked = play(buildView({ nodes: [aNode('n1'), fresh] })).after
    const { nonce } = asked.nodes.n3!.challenge!
    asked.nodes.n3!.epochRequest = request({ nonce })
    const { after } = play({ ...asked, round: asked.round + 1 })
    expect(after.nodes.n3!.lease).toMatchObject({ epoch: 1, bootId: 'n3-boot-1', renewedMs: null })
    expect(after.nodes.n3!.epochRequest).toBeNull()
    expect(after.nodes.n3!.state).toBe('unknown')
  })

  it('in the same boot keeps what it runs: the grant is adopted, not closed (S3)', () => {
    const { plan, after } = play(challenged({ found: found('running') }))
    expect(ofKind(plan, 'lease.opened')[0]!.adopts).toEqual([{ sid: web, generation: 1 }])
    expect(after.services[web]!.grant).toEqual({
      generation: 1,
      holders: [{ node: 'n3', epoch: 4, confirmed: true }],
    })
    expect(ofKind(plan, 'evidence.recorded')).toEqual([])
  })

  it('in the same boot keeps it as confirmed, though its confirm was lost: it was started after all', () => {
    const view = challenged({ found: found('running') })
    view.services[web]!.grant!.holders[0]!.confirmed = false
    const { after } = play(view)
    expect(after.services[web]!.grant!.holders).toEqual([{ node: 'n3', epoch: 4, confirmed: true }])
  })

  it('gets a full lease with its epoch, also when its old deadline has passed: it is not revoked at once', () => {
    const view = challenged({ found: found('running') }, null)
    for (const one of [view.nodes.n3!.lease, view.nodes.n3!.revocations[0]!])
      Object.assign(one, { leaseUntilMs: nowMs - 10_000, judgedUntilMs: nowMs - 10_000 })
    const { after } = play(view)
    expect(after.nodes.n3!.lease).toMatchObject({
      epoch: 4,
      bootId: 'n3-boot-1',
      judgedUntilMs: leaseFrom(nowMs),
    })
    // Should it never renew, its new epoch ends when that lease is over.
    const nodes = { ...after.nodes, n1: aNode('n1', { lease: { renewedMs: nowMs + 70_000 } }) }
    const later = play({ ...after, nodes, nowMs: nowMs + 70_000, round: 300 })
    expect(ofKind(later.plan, 'lease.revoked')).toMatchObject([{ node: 'n3', epoch: 4 }])
    expect(ofKind(later.plan, 'evidence.recorded')).toEqual([])
  })

  it('in the same boot closes what its drivers find stopped, one by one', () => {
    const { plan, after } = play(challenged({ found: found('stopped') }))
    expect(ofKind(plan, 'evidence.recorded')).toMatchObject([
      { evidence: 'agent-stopped', epoch: 3, scope: { sid: web, generation: 1 } },
    ])
    expect(ofKind(plan, 'lease.opened')).toHaveLength(1)
    expect(after.services[web]!.grant).toBeNull()
    expect(after.services[web]!.status!.note).toContain('waits for n3 to renew its lease')
  })

  it.each([
    ['says unknown', found('unknown')],
    ['says nothing', []],
    ['finds another generation running', found('running', 9)],
    ['finds another generation beside it', [...found('stopped'), ...found('unknown', 9)]],
    ['says both stopped and running', [...found('stopped'), ...found('running')]],
    ['says both running and unknown', [...found('running'), ...found('unknown')]],
  ])('in the same boot gets no epoch while it %s (S3)', (_, answer) => {
    const { plan, after } = play(challenged({ found: answer }))
    expect(plan.changes).toEqual([])
    expect(after.nodes.n3!.challenge!.waitsFor).toContain(web)
    expect(after.services[web]!.status!.note).toContain('settle')
  })

  it('with the wrong nonce is not believed (S9b)', () => {
    expect(play(challenged({ nonce: 'old', found: found('stopped') })).plan.changes).toEqual([])
  })

  it('with a plane epoch of another history is not believed', () => {
    expect(play(challenged({ planeEpoch: 0, found: found('stopped') })).plan.changes).toEqual([])
  })

  it('in another boot of the same hardware, finding nothing, proves the old boot dead', () => {
    const { plan, after } = play(challenged({ bootId: 'n3-boot-2' }, false))
    expect(ofKind(plan, 'evidence.recorded')).toMatchObject([
      {
        evidence: 'new-boot',
        epoch: 3,
        scope: null,
        facts: { oldBootId: 'n3-boot-1', newBootId: 'n3-boot-2' },
      },
    ])
    expect(after.nodes.n3!.lease.bootId).toBe('n3-boot-2')
    expect(after.services[web]!.grant).toBeNull()
  })

  it('in another boot that finds something running proves nothing yet (S8)', () => {
    const { plan, after } = play(
      challenged({ bootId: 'n3-boot-2', found: found('running') }, false),
    )
    expect(plan.changes).toEqual([])
    expect(after.nodes.n3!.challenge!.waitsFor).toContain('must end it first')
  })

  it('on other hardware proves nothing, and cannot take the lease of the living (S9a)', () => {
    const spare = { bootId: 'spare', sameHardware: false }
    expect(play(challenged(spare, false)).plan.changes).toEqual([])
    const n3 = aNode('n3', { epochRequest: request(spare) })
    const { plan, after } = play(
      buildView({ nodes: [aNode('n1'), n3], services: [aService(web, 'n3')] }),
    )
    expect(plan.changes).toEqual([])
    expect(after.nodes.n3!.note).toContain('other hardware')
  })

  it('as a virtual machine that booted again proves nothing (S9d)', () => {
    const view = challenged({ bootId: 'n3-boot-2' }, false)
    view.nodes.n3 = { ...view.nodes.n3!, virtual: true }
    expect(play(view).plan.changes).toEqual([])
  })

  it('is not proved dead by its watchdog while it answers in that same boot', () => {
    const view = challenged({ found: found('unknown') })
    view.nodes.n3!.revocations[0]!.judgedUntilMs = nowMs - 1
    expect(play(view).plan.changes).toEqual([])
  })

  it('is never proved dead by its watchdog once it spoke after its deadline', () => {
    const view = challenged({ found: found('unknown'), requestedMs: nowMs - 60_000 })
    view.nodes.n3!.revocations[0]!.judgedUntilMs = nowMs - 60_001
    const { plan, after } = play(view)
    expect(plan.changes).toEqual([])
    expect(after.nodes.n3!.challenge!.waitsFor).toContain('cannot say yet')
    const silent = { ...view.nodes.n3!, challenge: null, state: 'fence' as const }
    silent.epochRequest = request({ requestedMs: nowMs - 60_000, sameHardware: false })
    view.services[web] = aService(web, 'n3', { status: { state: 'fence', running: false } })
    const { note } = play({ ...view, nodes: { ...view.nodes, n3: silent } }).after.nodes.n3!
    expect(note).toContain('other hardware')
  })

  it('whose watchdog was refuted is never proved dead by it, although another boot asks now', () => {
    const view = challenged({ requestedMs: nowMs - 60_000 })
    const n3 = { ...view.nodes.n3!, epochRequest: null, challenge: null }
    n3.revocations = [{ ...n3.revocations[0]!, judgedUntilMs: nowMs - 1, refuted: true }]
    const plain = { ...n3, revocations: [{ ...n3.revocations[0]!, refuted: false }] }
    const played = (node: typeof n3) => play({ ...view, nodes: { ...view.nodes, n3: node } }).plan
    expect(ofKind(played(n3), 'evidence.recorded')).toEqual([])
    expect(ofKind(played(plain), 'evidence.recorded')).toMatchObject([
      { evidence: 'watchdog-deadline' },
    ])
  })

  it('is never proved dead by its watchdog once it reported after its deadline, without quorum', () => {
    const view = challenged({})
    const reportedMs = nowMs - 30_000
    const n3 = { ...view.nodes.n3!, epochRequest: null, challenge: null }
    n3.revocations = [{ ...n3.revocations[0]!, judgedUntilMs: reportedMs - 1 }]
    n3.report = { ...n3.report!, epoch: 3, bootId: 'n3-boot-1' }
    const heard = { ...view, nodes: { ...view.nodes, n3 } }
    heard.nodes.n3.lease = { ...n3.lease, reportedMs }
    const { plan, after } = play(heard)
    expect(ofKind(plan, 'evidence.recorded')).toEqual([])
    expect(after.services[web]!.status!.note).toContain('it was heard after its deadline')
    heard.nodes.n3.lease = { ...n3.lease, reportedMs: reportedMs - 10 }
    expect(ofKind(play(heard).plan, 'evidence.recorded')).toMatchObject([
      { evidence: 'watchdog-deadline' },
    ])
  })

  it('and fell silent is proved dead by its watchdog when the deadline comes', () => {
    const view = challenged({ found: found('unknown'), requestedMs: nowMs - 60_000 })
    view.nodes.n3!.revocations[0]!.judgedUntilMs = nowMs - 1
    view.nodes.n3!.lease.leaseUntilMs = nowMs - 1
    view.nodes.n3!.lease.judgedUntilMs = nowMs - 1
    expect(play(view).after.services[web]!.status!.node).toBe('n1')
  })

  it('adopts only what it answered for: a second service it lost is closed, its neighbour kept', () => {
    const view = challenged({
      found: [...found('running'), { sid: db, generation: 5, state: 'stopped' }],
    })
    const grant = { generation: 5, holders: [{ node: 'n3', epoch: 3, confirmed: true }] }
    view.services[db] = aService(db, 'n3', { grant })
    const { after } = play(view)
    expect(after.services[db]!.grant).toBeNull()
    expect(after.services[web]!.grant!.holders[0]!.epoch).toBe(4)
  })

  it('starts its new epoch with no grants but the adopted ones (M10), also removed ones stay held (S18)', () => {
    const view = challenged({ found: found('running') })
    view.services[web] = { ...view.services[web]!, config: null, status: null }
    const { after } = play(view)
    expect(after.services[web]).toMatchObject({ config: null, grant: { holders: [{ epoch: 4 }] } })
  })

  it('that comes back in fence with its service still running keeps it', () => {
    const view = challenged({ found: found('running') }, false)
    view.nodes.n3 = { ...view.nodes.n3!, state: 'fence' }
    view.services[web] = aService(web, 'n3', { status: { state: 'fence', running: false } })
    const { after } = play(view)
    expect(after.services[web]!.status!).toMatchObject({ state: 'started', node: 'n3' })
    expect(after.nodes.n3!.state).toBe('unknown')
  })

  it('and fell silent gets no lease for which others would wait', () => {
    const view = challenged({ found: found('stopped'), requestedMs: nowMs - 9_000 })
    const { plan, after } = play(view)
    expect(ofKind(plan, 'lease.opened')).toEqual([])
    expect(after.services[web]!.status!).toMatchObject({ state: 'started', node: 'n1' })
    expect(after.nodes.n3!.note).toContain('has not asked again')
  })

  it.each([null, 'over'])(
    'a request of an earlier boot that comes late takes no lease from the boot that renews (nonce %s)',
    (nonce) => {
      const late = request({ bootId: 'n3-boot-0', nonce })
      const n3 = aNode('n3', { epochRequest: late })
      const view = buildView({ nodes: [aNode('n1'), n3], services: [aService(web, 'n3')] })
      const { plan, after } = play(view)
      expect(plan.changes).toEqual([])
      expect(after.nodes.n3!.note).toContain('another boot of it holds its lease')
      // Nor later, when that boot is silent and its services still run: it has spoken since.
      const silent = silentNode('n3', { epochRequest: late }, 20_000)
      silent.epochRequest = { ...late, requestedMs: nowMs - 30_000 }
      const { plan: then } = play({ ...view, nodes: { ...view.nodes, n3: silent } })
      expect(ofKind(then, 'lease.revoked')).toEqual([])
    },
  )

  it('a machine that has booted again gets its challenge when its old boot is silent', () => {
    const n3 = silentNode('n3', { epochRequest: request({ bootId: 'n3-boot-2' }) }, 9_000)
    const view = buildView({ nodes: [aNode('n1'), n3], services: [aService(web, 'n3')] })
    expect(ofKind(play(view).plan, 'node.challenged')).toHaveLength(1)
  })

  it('a late answer to a challenge that is over does not fence the node that has its lease', () => {
    const n3 = aNode('n3', { epochRequest: request({ nonce: 'over' }) })
    expect(play(buildView({ nodes: [n3], services: [aService(web, 'n3')] })).plan.changes).toEqual(
      [],
    )
  })
})
