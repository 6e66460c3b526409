// What an agent says it ended for good, under the lease it has: closed, service by service, and nothing beyond it.
import { describe, expect, it } from 'vitest'
import { aNode, aService, buildView, nowMs, silentNode } from './build-view.ts'
import { ofKind, play } from './play.ts'
import { db, web } from './challenged.ts'

describe('what an agent says it ended for good', () => {
  const closing = (report: Partial<NonNullable<ReturnType<typeof aNode>['report']>>) => {
    const n3 = aNode('n3')
    n3.report = { ...n3.report!, closed: [{ sid: web, generation: 1 }], ...report }
    return buildView({ nodes: [aNode('n1'), aNode('n2'), n3], services: [aService(web, 'n3')] })
  }

  it('closes that service and generation, and it starts anew under a new one', () => {
    const { plan, after } = play(closing({}))
    expect(ofKind(plan, 'evidence.recorded')).toMatchObject([
      { evidence: 'agent-stopped', epoch: 3 },
    ])
    expect(after.services[web]!.grant!.generation).toBe(1_000)
  })

  it.each([
    ['of another generation', { closed: [{ sid: web, generation: 2 }] }],
    ['under an older epoch (S15a)', { epoch: 2 }],
    ['by another boot (S15a)', { bootId: 'n3-boot-0' }],
    [
      'while it still finds it',
      {
        running: [{ sid: web, generation: 1, state: 'stopping' as const, stable: false }],
      },
    ],
  ])('%s closes nothing', (_, report) => {
    expect(ofKind(play(closing(report)).plan, 'evidence.recorded')).toEqual([])
  })

  it('says nothing about another service of that node (S17b)', () => {
    const view = closing({})
    view.services[db] = aService(db, 'n3', {
      grant: { generation: 5, holders: [{ node: 'n3', epoch: 3, confirmed: true }] },
    })
    expect(play(view).after.services[db]!.grant!.generation).toBe(5)
  })

  it('by a node that is silent since does not count before its lease is settled', () => {
    const view = closing({})
    view.nodes.n3 = silentNode('n3', { state: 'unknown', report: view.nodes.n3!.report })
    view.nodes.n3.lease.epoch = 4
    view.nodes.n3.lease.bootId = null
    view.nodes.n3.revocations = [
      {
        epoch: 3,
        bootId: 'n3-boot-1',
        leaseUntilMs: nowMs,
        judgedUntilMs: nowMs + 5_000,
        guarded: true,
        revokedMs: nowMs,
      },
    ]
    expect(ofKind(play(view).plan, 'evidence.recorded')).toEqual([])
  })
})
