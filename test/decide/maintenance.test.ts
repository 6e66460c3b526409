// Maintenance (reference 2.4, 2.11; T11–T14, T23, T24, T32): running services leave one decision at a time, remember
// where they return to, and return; what is off stays; a node that falls silent meanwhile is no less in maintenance.
import { describe, expect, it } from 'vitest'
import type { ServiceStatus } from '../../control-plane/cluster/view.ts'
import { aCommand, aNode, aService, buildView, nowMs, silentNode } from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'

const web = 'process:web'
const resting = { state: 'maintenance' as const, maintenanceRequested: true }
const off = { status: { state: 'stopped' as const, running: false }, grant: false as const }

/** n1 to n3; `web` on n1 as `status` says. */
function view(nodes: ReturnType<typeof aNode>[], status: Partial<ServiceStatus> = {}, on = 'n1') {
  return buildView({ nodes, services: [aService(web, on, { status })] })
}

const after = (v: ReturnType<typeof view>) => play(v).after.services[web]!.status!

describe('a node in maintenance', () => {
  it('is left by what runs there, which remembers it (T14)', () => {
    const v = view([aNode('n1', resting), aNode('n2'), aNode('n3')])
    expect(after(v)).toMatchObject({ state: 'relocate', target: 'n2', fallbackNode: 'n1' })
  })

  it('keeps what is off', () => {
    const nodes = [aNode('n1', resting), aNode('n2')]
    const requested = { config: { requested: 'stopped' as const } }
    const v = buildView({ nodes, services: [aService(web, 'n1', { ...off, ...requested })] })
    expect(play(v).plan.changes).toEqual([])
  })

  it('keeps everything while all others are in maintenance too, and says why', () => {
    const v = view([aNode('n1', resting), aNode('n2', resting), aNode('n3', resting)])
    expect(play(v).plan.changes).toEqual([])
    expect(after(v).note).toContain('n1 n2 n3: it is maintenance')
  })

  it('is entered when the agent itself says so, and left when it says something else', () => {
    const leaving = aNode('n1', { lease: { mode: 'maintenance' } })
    expect(play(view([leaving, aNode('n2')])).after.nodes.n1!.state).toBe('maintenance')
    const back = aNode('n1', { state: 'maintenance' })
    expect(play(view([back, aNode('n2')])).after.nodes.n1!.state).toBe('online')
  })
})

describe('a service that left for a maintenance', () => {
  const away = { fallbackNode: 'n1' }

  it('returns when its node is online again, whatever the load says', () => {
    const v = view([aNode('n1'), aNode('n2')], away, 'n2')
    for (const [number, name] of ['a', 'b', 'c'].entries()) {
      const sid = `process:${name}`
      const grant = {
        generation: 10 + number,
        holders: [{ node: 'n1', epoch: 3, confirmed: true }],
      }
      v.services[sid] = aService(sid, 'n1', { grant })
    }
    expect(after(v)).toMatchObject({ state: 'relocate', target: 'n1', fallbackNode: null })
  })

  it('stays while its node is not online', () => {
    for (const n1 of [aNode('n1', resting), silentNode('n1', { state: 'unknown' })])
      expect(after(view([n1, aNode('n2')], away, 'n2'))).toMatchObject({
        state: 'started',
        fallbackNode: 'n1',
      })
  })

  it('returns to the last node it left so, not to the first', () => {
    const v = view([aNode('n1', resting), aNode('n2', resting), aNode('n3')], away, 'n2')
    expect(after(v)).toMatchObject({ target: 'n3', fallbackNode: 'n2' })
  })

  it('still returns after a person moved it in between', () => {
    const v = view([aNode('n1', resting), aNode('n2'), aNode('n3')], away, 'n2')
    const moved = play({ ...v, commands: [aCommand('relocate', web, { node: 'n3' })] })
    expect(moved.after.services[web]!.status).toMatchObject({ target: 'n3', fallbackNode: 'n1' })
  })

  it('returns nowhere once it was moved on from a third node (T23)', () => {
    const v = view([silentNode('n1', { state: 'unknown' }), aNode('n2'), aNode('n3')], away, 'n2')
    v.groups = { pinned: { name: 'pinned', nodes: { n3: 1 }, restricted: true, nofailback: false } }
    v.services[web]!.config!.group = 'pinned'
    expect(after(v)).toMatchObject({ target: 'n3', fallbackNode: null })
  })

  it('forgets it where it is there already, and where that node is no member any more (T24)', () => {
    expect(after(view([aNode('n1'), aNode('n2')], away)).fallbackNode).toBeNull()
    expect(after(view([aNode('n2'), aNode('n3')], away, 'n2')).fallbackNode).toBeNull()
  })

  it('that leaves a node in maintenance on a person’s word returns there, too', () => {
    const v = view([aNode('n1', resting), aNode('n2'), aNode('n3')])
    const moved = play({ ...v, commands: [aCommand('migrate', web, { node: 'n3' })] })
    expect(moved.after.services[web]!.status).toMatchObject({ target: 'n3', fallbackNode: 'n1' })
  })
})

describe('a node that falls silent in maintenance', () => {
  const silent = silentNode('n1', { ...resting, lease: { mode: 'maintenance' } })

  it('stays in maintenance where it said so itself, and is unknown where it had not heard yet (2.4)', () => {
    const empty = buildView({ nodes: [silent, aNode('n2')] })
    expect(play(empty).plan.changes).toEqual([])
    const deaf = buildView({ nodes: [silentNode('n1', resting), aNode('n2')] })
    expect(play(deaf).after.nodes.n1!.state).toBe('unknown')
  })

  it('keeps what is off there (T32)', () => {
    const service = aService(web, 'n1', { ...off, config: { requested: 'stopped' } })
    const v = buildView({ nodes: [silent, aNode('n2')], services: [service] })
    expect(after(v)).toMatchObject({ state: 'stopped', node: 'n1' })
    v.nodes.n1 = silentNode('n1', { state: 'unknown' })
    expect(after(v)).toMatchObject({ state: 'stopped', node: 'n2' })
  })

  it('is fenced for what it still ran (T12), and no service starts before that', () => {
    const { plan, after: then } = play(view([silent, aNode('n2')]))
    expect(ofKind(plan, 'lease.revoked')).toHaveLength(1)
    expect(ofKind(plan, 'evidence.recorded')).toMatchObject([{ evidence: 'watchdog-deadline' }])
    expect(statesOf(plan, web)).toEqual(['fence', 'recovery', 'started'])
    expect(then.services[web]!.status).toMatchObject({ node: 'n2' })
    expect(then.nodes.n1!.state).toBe('unknown')
    const early = view([
      silentNode('n1', { ...resting, lease: { mode: 'maintenance' } }, 30_000),
      aNode('n2'),
    ])
    expect(play(early).plan.changes).toEqual([])
    expect(after(early).note).toContain('due in')
  })

  it('is left through fence and recovery by what is then wanted (T12)', () => {
    const service = aService(web, 'n1', off)
    const { plan, after: then } = play(
      buildView({ nodes: [silent, aNode('n2')], services: [service] }),
    )
    expect(statesOf(plan, web)).toEqual([
      'request_start',
      'started',
      'fence',
      'recovery',
      'started',
    ])
    expect(then.services[web]!.status!.node).toBe('n2')
  })

  it('and returns is online again when nobody wants it empty', () => {
    const back = aNode('n1', { state: 'maintenance', lease: { mode: 'active' } })
    expect(play(buildView({ nodes: [back, aNode('n2')] })).after.nodes.n1!.state).toBe('online')
  })

  it('says nothing of an outage of all: whoever comes back first is not given everything', () => {
    const back = aNode('n2', { state: 'unknown', lease: { renewedMs: nowMs - 100 } })
    const late = silentNode('n3', { state: 'unknown' }, 30_000)
    const v = buildView({ nodes: [silent, back, late] })
    expect(play(v).after.quietSinceMs).toBe(nowMs)
  })
})
