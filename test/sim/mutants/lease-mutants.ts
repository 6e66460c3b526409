// The plane’s rules about leases, each taken out: deadlines, numbers, histories, the two clocks.
import type { Mutant } from './mutant.ts'

const leases = 'control-plane/store/memory/leases.ts'
const saveLeases = 'control-plane/store/memory/save-lease-changes.ts'
const evidence = 'control-plane/crm/decide/evidence.ts'

export const leaseMutants: Mutant[] = [
  {
    name: 'deadline-of-stale-view',
    schedule: 'M1',
    guarantee:
      'a lease is revoked at the deadline it has then, not at the one a round had read (rule 5, M1)',
    behind: {
      why: 'that a start was never confirmed is asked again where the evidence is saved',
      edits: [
        { file: evidence, find: '  recordNeverConfirmed(draft, name)\n', replace: '' },
        {
          file: evidence,
          find: 'function recordNeverConfirmed(',
          replace: 'export function recordNeverConfirmed(',
        },
      ],
    },
    edits: [
      {
        file: saveLeases,
        find: 'const isExpired = lease.leaseUntilMs <= nowMs',
        replace: 'const isExpired = nowMs > 0',
      },
      {
        file: saveLeases,
        find: 'return withNode(state, endEpoch(state, node, nowMs))',
        replace: `const { leaseUntilMs } = view.nodes[change.node]!.lease
  const asRead = { ...node, view: { ...node.view, lease: { ...lease, leaseUntilMs } } }
  return withNode(state, endEpoch(state, asRead, nowMs))`,
      },
    ],
    inPostgres: {
      file: 'test/store/save-plan.test.ts',
      test: 'at the deadline loses against a renewal that came in after the view was read (M1)',
    },
  },
  {
    name: 'deadline-of-renewal-before',
    schedule: 'gap',
    guarantee: 'the fence deadline counts from the commit of the renewal that it follows (rule 4)',
    edits: [
      {
        file: leases,
        find: '? Math.max(lease.leaseUntilMs, nowMs + fenceAfterMs(state.settings.timing))',
        replace:
          '? Math.max(lease.leaseUntilMs, (lease.renewedMs ?? nowMs) + fenceAfterMs(state.settings.timing))',
      },
    ],
    inPostgres: {
      file: 'test/lease/renewals.test.ts',
      test: 'counts from its own commit, however long ago the one before it was (rule 4)',
    },
  },
  {
    name: 'deadline-moves-back',
    schedule: 'S11',
    guarantee: 'the fence deadline never moves back (rule 4, S11)',
    edits: [
      {
        file: leases,
        find: '? Math.max(lease.leaseUntilMs, nowMs + fenceAfterMs(state.settings.timing))',
        replace: '? nowMs + fenceAfterMs(state.settings.timing)',
      },
    ],
    inPostgres: {
      file: 'test/lease/renewals.test.ts',
      test: 'with a shorter lease never shortens what was granted before (S11)',
    },
  },
  {
    name: 'no-epoch-check',
    schedule: 'S12-old-epoch',
    guarantee: 'a revoked lease is not renewed (rule 5)',
    edits: [
      {
        file: leases,
        find: '    lease.epoch === row.epoch &&\n    lease.bootId === row.bootId &&\n    node.seq < row.seq',
        replace:
          '    (lease.bootId === null || lease.bootId === row.bootId) &&\n    node.seq < row.seq',
      },
    ],
    inPostgres: {
      file: 'test/lease/renewals.test.ts',
      test: 'of a revoked epoch is told that it is fenced (M11)',
    },
  },
  {
    name: 'no-seq-check',
    schedule: 'S12',
    guarantee: 'a renewal that was overtaken changes nothing (rules 5 and 8, S12)',
    behind: {
      why: 'an epoch whose watchdog was let go of once proves nothing by it any more, whatever it says later (rule 6)',
      edits: [
        {
          file: leases,
          find: 'if (row.armed) return row.hasConfirms ? (guarded ?? true) : guarded',
          replace: 'if (row.armed) return row.hasConfirms ? true : guarded',
        },
      ],
    },
    edits: [{ file: leases, find: '    node.seq < row.seq &&\n', replace: '' }],
    inPostgres: {
      file: 'test/lease/renewals.test.ts',
      test: 'with a sequence number seen before is refused as stale and changes nothing (S12)',
    },
  },
  {
    name: 'quarantine-skipped',
    schedule: 'S5a',
    guarantee: 'after a cut history nothing starts before every node attested (rule 9, S5)',
    edits: [
      {
        file: 'control-plane/crm/plane-epoch.ts',
        find: "plainRestart: claims.length === 0 && server === 'restarted',",
        replace: 'plainRestart: true,',
      },
    ],
    inPostgres: {
      file: 'test/crm/plane-epoch.test.ts',
      test: 'jumps ahead of whatever a node remembers, into quarantine (S5, S-A2)',
    },
  },
  {
    name: 'database-clock-alone',
    schedule: 'S7a',
    guarantee: 'two clocks judge a node (rule 9, S7)',
    edits: [
      {
        file: 'control-plane/lease/clock-witness.ts',
        find: '    const last = this.last\n    if (!last) return',
        replace:
          '    const last = this.last\n    if (last) return leaseUntilMs\n    if (!last) return',
      },
    ],
    inPostgres: {
      file: 'test/lease/judged-deadline.test.ts',
      test: 'after a step of the clock a lease is judged by the longest one the settings ever allowed (S7, S11)',
    },
  },
  {
    name: 'release-unrecorded',
    schedule: 'let-go',
    guarantee: 'of what a release left unguarded no silence proves anything (rules 6, 11)',
    edits: [
      {
        file: 'control-plane/store/memory/leases.ts',
        find: 'guarded: held.length > 0 ? false : null,',
        replace: 'guarded: lease.guarded,',
      },
    ],
    inPostgres: {
      file: 'test/lease/release.test.ts',
      test: 'a committed release ends the watchdog’s proof, and an older armed renewal cannot bring it back (S12)',
    },
  },
]
