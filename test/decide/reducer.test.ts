// The reducer refuses what must never happen, whoever asks for it; and the check finds it where it happened anyway.
import { describe, expect, it } from 'vitest'
import { applyChange } from '../../control-plane/cluster/apply.ts'
import type { Change } from '../../control-plane/cluster/change.ts'
import { checkInvariants } from '../../control-plane/cluster/check.ts'
import { aNode, aService, buildView, nowMs } from './build-view.ts'

const web = 'process:web'
const why = 'a test'
const held = () => buildView({ services: [aService(web, 'n1')] })
const free = () =>
  buildView({ services: [aService(web, 'n1', { grant: false, status: { running: false } })] })
const grant = (changes: Partial<Change & { kind: 'grant.opened' }> = {}): Change => ({
  kind: 'grant.opened',
  sid: web,
  generation: 1_000,
  node: 'n1',
  epoch: 3,
  why,
  ...changes,
})
/** As after a cut history: this database knows no generation beyond 5. */
const lost = () =>
  buildView({
    services: [
      aService(web, 'n1', { grant: false, status: { running: false }, lastGeneration: 5 }),
    ],
  })
const adoption = (changes: Partial<Change & { kind: 'grant.adopted' }> = {}): Change => ({
  kind: 'grant.adopted',
  sid: web,
  generation: 6,
  node: 'n1',
  epoch: 3,
  why,
  ...changes,
})
const evidence = (changes: Partial<Change & { kind: 'evidence.recorded' }>): Change => ({
  kind: 'evidence.recorded',
  evidence: 'watchdog-deadline',
  node: 'n1',
  epoch: 3,
  scope: null,
  facts: {},
  why,
  ...changes,
})

describe('the reducer refuses', () => {
  const revoked = () => {
    const view = applyChange(held(), {
      kind: 'lease.revoked',
      node: 'n1',
      epoch: 3,
      mode: 'asked',
      why,
    })
    return view
  }
  it.each<[string, () => ReturnType<typeof held>, Change]>([
    ['a second open grant (rule 7)', held, grant()],
    ['a generation out of turn (rule 8)', free, grant({ generation: 999 })],
    ['a grant under another epoch', free, grant({ epoch: 2 })],
    [
      'a grant in a quarantine (rule 9)',
      () => ({ ...free(), planeEpoch: { number: 1, uuid: '', quarantineUntilMs: 0 } }),
      grant(),
    ],
    [
      'a grant under a lease that is over',
      () => {
        const view = free()
        view.nodes.n1 = aNode('n1', { lease: { judgedUntilMs: nowMs } })
        return view
      },
      grant(),
    ],
    ['to adopt beside an open grant (rule 7)', held, adoption()],
    ['to adopt a generation that was closed here', free, adoption({ generation: 900 })],
    ['to adopt a number that was never allotted', lost, adoption({ generation: 1_000 })],
    ['to adopt under another epoch', lost, adoption({ epoch: 2 })],
    ['evidence for an epoch that was not revoked first (rule 6)', held, evidence({})],
    ['a watchdog’s proof before the deadline (rule 4)', revoked, evidence({})],
    [
      'a revocation as expired before the deadline',
      held,
      { kind: 'lease.revoked', node: 'n1', epoch: 3, mode: 'expired', why },
    ],
    [
      'a revocation on a stale view (M1)',
      held,
      { kind: 'lease.revoked', node: 'n1', epoch: 2, mode: 'asked', why },
    ],
    [
      'that a confirmed grant was never confirmed',
      revoked,
      evidence({ evidence: 'never-confirmed', scope: { sid: web, generation: 1 } }),
    ],
    [
      'evidence about one service without naming it (S17)',
      revoked,
      evidence({ evidence: 'agent-stopped' }),
    ],
    [
      'evidence for another generation (S17)',
      held,
      evidence({ evidence: 'agent-stopped', scope: { sid: web, generation: 2 } }),
    ],
    [
      'a new epoch while an older grant is neither closed nor adopted (S3)',
      revoked,
      { kind: 'lease.opened', node: 'n1', epoch: 4, bootId: 'n1-boot-1', adopts: [], why },
    ],
    [
      'an edge that is not in the table',
      held,
      { kind: 'service.state', sid: web, from: 'started', to: 'recovery', set: {}, why },
    ],
    [
      'a change decided on another state',
      held,
      { kind: 'service.state', sid: web, from: 'stopped', to: 'request_start', set: {}, why },
    ],
  ])('%s', (_, view, change) => {
    expect(() => applyChange(view(), change)).toThrow()
  })

  it('to touch its input', () => {
    const view = free()
    const before = structuredClone(view)
    applyChange(view, grant())
    expect(view).toEqual(before)
  })
})

it('adopts a generation of a lost history as it is, also in a quarantine (rule 9)', () => {
  const view = lost()
  view.planeEpoch.quarantineUntilMs = nowMs + 1
  const after = applyChange(view, adoption())
  expect(after.services[web]).toMatchObject({
    grant: { generation: 6, holders: [{ node: 'n1', epoch: 3, confirmed: true }] },
    lastGeneration: 6,
    everGranted: true,
  })
  expect(after.nextGeneration).toBe(view.nextGeneration)
})

describe('the check finds', () => {
  it.each<[string, (view: ReturnType<typeof held>) => void, string]>([
    [
      'a third holder',
      (view) => {
        const { holders } = view.services[web]!.grant!
        for (const node of ['n2', 'n3']) holders.push({ node, epoch: 3, confirmed: false })
      },
      'process:web: its grant has 3 holders',
    ],
    [
      'two halves of one number',
      (view) => {
        view.services[web]!.grant!.holders.push({ node: 'n2', epoch: 3, confirmed: false })
      },
      'process:web and process:web share generation 1',
    ],
    [
      'a holder without a revocation',
      (view) => {
        view.nodes.n1!.lease.epoch = 4
      },
      'n1 holds a grant of lease epoch 3, whose revocation is not on record',
    ],
    [
      'a service said to run where it may not',
      (view) => {
        view.services[web]!.status!.node = 'n2'
      },
      'process:web is said to run on n2, which does not hold its grant',
    ],
    [
      'a stopped service with a grant',
      (view) => {
        Object.assign(view.services[web]!.status!, { state: 'stopped', running: false })
      },
      'process:web is stopped although its grant 1 is open',
    ],
    [
      'a holder that is no member',
      (view) => {
        delete view.nodes.n1
      },
      'process:web: its holder n1 is no node of this cluster',
    ],
    [
      'a deadline judged too early',
      (view) => {
        view.nodes.n1!.lease.judgedUntilMs = 0
      },
      'n1 is judged dead before its fence deadline',
    ],
  ])('%s', (_, spoil, sentence) => {
    const view = held()
    expect(checkInvariants(view)).toEqual([])
    spoil(view)
    expect(checkInvariants(view)).toContain(sentence)
  })
})
