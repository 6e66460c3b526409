// A node that the survey calls calm is one that no question about nodes has anything to say of: each gives the same answer
// when it is asked of the calm ones as well.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClusterView, NodeView } from '../../control-plane/cluster/view.ts'
import { setNode } from '../../control-plane/cluster/working-view.ts'
import {
  type Draft,
  finishDraft,
  nodesOf,
  startDraft,
} from '../../control-plane/crm/decide/draft.ts'
import { settleEpochRequests } from '../../control-plane/crm/decide/epoch-requests.ts'
import { fenceSilentNodes } from '../../control-plane/crm/decide/fencing.ts'
import { tellEnds } from '../../control-plane/crm/decide/node-ends.ts'
import { judgeNodes } from '../../control-plane/crm/decide/node-states.ts'
import { closeReported } from '../../control-plane/crm/decide/reported-closed.ts'
import { surveyOf } from '../../control-plane/crm/decide/survey.ts'
import { buildView } from './build-view.ts'
import { aView } from './random-view.ts'

const questions = {
  closeReported,
  tellEnds,
  judgeNodes,
  settleEpochRequests,
  fenceSilentNodes,
  finishDraft: () => {},
}

/** One thing each that some question about nodes is about. */
const somethingElse: Record<string, (node: NodeView, view: ClusterView) => Partial<NodeView>> = {
  nothing: () => ({}),
  note: () => ({ note: 'waits' }),
  maintenance: () => ({ maintenanceRequested: true }),
  judgedMaintenance: () => ({ state: 'maintenance' }),
  judgedGone: () => ({ state: 'gone' }),
  judgedUnknown: () => ({ state: 'unknown' }),
  judgedFence: () => ({ state: 'fence' }),
  shutsDown: ({ lease }) => ({ lease: { ...lease, mode: 'maintenance' } }),
  silent: ({ lease }, { nowMs }) => ({ lease: { ...lease, renewedMs: nowMs - 1_000_000 } }),
  over: ({ lease }, { nowMs }) => ({ lease: { ...lease, judgedUntilMs: nowMs - 1 } }),
  neverHeard: ({ lease }) => ({ lease: { ...lease, renewedMs: null, reportedMs: null } }),
  end: () => ({
    health: { lastEnd: { uid: 'end', kind: 'power', why: 'power' }, drill: null } as never,
  }),
  asks: ({ lease }, { nowMs, planeEpoch }) => ({
    epochRequest: {
      ...{ bootId: `other than ${lease.bootId}`, sameHardware: true, nonce: null, found: [] },
      ...{ planeEpoch: planeEpoch.number, requestedMs: nowMs - 1 },
    },
  }),
  challenged: ({ lease: { epoch, bootId } }) => ({
    challenge: { epoch, bootId: `${bootId}`, nonce: 'asked', questions: [], waitsFor: 'its word' },
  }),
  revoked: ({ lease }, { nowMs }) => {
    const { leaseUntilMs, judgedUntilMs, guarded } = lease
    const common = { bootId: 'boot before', leaseUntilMs, judgedUntilMs, guarded }
    return { revocations: [{ ...common, epoch: lease.epoch - 1, revokedMs: nowMs - 1_000 }] }
  },
  closed: ({ name, report }, { services }) => ({
    report: report && {
      ...report,
      closed: Object.values(services).flatMap(({ sid, grant }) =>
        grant?.holders[0]?.node === name ? [{ sid, generation: grant.generation }] : [],
      ),
    },
  }),
}

const kinds = fc.constantFrom('nothing', 'nothing', ...Object.keys(somethingElse))
const aViewWithNews = fc.tuple(aView, fc.tuple(kinds, kinds, kinds)).map(([view, three]) => {
  const nodes = { ...view.nodes }
  Object.values(nodes).forEach((node, index) => {
    nodes[node.name] = { ...node, ...somethingElse[three[index]!]!(node, view) }
  })
  return { ...view, nodes }
})

/** What the question does; `isAsked` of every node, calm or not. */
function answer(view: ClusterView, ask: (draft: Draft) => void, isAsked: boolean): unknown {
  const draft = startDraft(view)
  if (isAsked) {
    const survey = { ...surveyOf(draft), restless: nodesOf(draft) }
    draft.survey = { ...draft.survey!, survey }
  }
  try {
    ask(draft)
    return [finishDraft(draft), [...draft.nodeNotes]]
  } catch (error) {
    return (error as Error).message
  }
}

describe('a calm node', () => {
  it.each(Object.entries(questions))('has nothing for %s', (_, ask) => {
    let calm = 0
    fc.assert(
      fc.property(aViewWithNews, (view) => {
        calm += 3 - surveyOf(startDraft(view)).restless.length
        expect(answer(view, ask, false)).toEqual(answer(view, ask, true))
      }),
      { numRuns: 1_000 },
    )
    expect(calm).toBeGreaterThan(100)
  })

  it('is what most nodes are: a healthy cluster has no others', () => {
    expect(surveyOf(startDraft(buildView({})))).toMatchObject({
      ...{ restless: [], served: 3, renewing: 3 },
    })
  })

  it('is calm no more when the plan has changed it, and may be again', () => {
    const draft = startDraft(buildView({}))
    expect(surveyOf(draft).restless).toEqual([])
    const lost = { ...draft.view.nodes.n2!, note: 'waits' }
    setNode(draft.view, lost)
    expect(surveyOf(draft).restless).toEqual([lost])
    setNode(draft.view, { ...lost, note: '' })
    expect(surveyOf(draft).restless).toEqual([])
    expect(draft.read.nodes.n2!.note).toBe('')
  })
})
