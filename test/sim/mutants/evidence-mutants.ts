// The plane’s rules about evidence and grants, each taken out.
import type { Mutant } from './mutant.ts'

const saveLeases = 'control-plane/store/memory/save-lease-changes.ts'
const save = 'control-plane/store/memory/save.ts'
const evidence = 'control-plane/crm/decide/evidence.ts'
const fencing = 'control-plane/crm/decide/fencing.ts'
const applyLease = 'control-plane/cluster/apply-lease.ts'

export const evidenceMutants: Mutant[] = [
  {
    name: 'recover-without-evidence',
    schedule: 'cut',
    guarantee: 'no lease is never evidence (rule 6)',
    edits: [
      {
        file: fencing,
        find: 'if (dueMs > draft.nowMs) {',
        replace: 'if (dueMs > Number.POSITIVE_INFINITY) {',
      },
      { file: fencing, find: "mode: isOver ? 'expired' : 'silent',", replace: "mode: 'asked'," },
      {
        file: evidence,
        find: 'if (doubtAboutWatchdog(draft, draft.view.nodes[name]!, revocation) !== null) continue',
        replace: '',
      },
      { file: evidence, find: "evidence: 'watchdog-deadline',", replace: "evidence: 'operator'," },
    ],
    inPostgres: {
      file: 'test/store/safety-constraints.test.ts',
      test: 'by the watchdog’s deadline needs the deadline behind it',
    },
  },
  {
    name: 'evidence-of-another-epoch',
    schedule: 'S3 S17a',
    guarantee: 'evidence closes the grants of its own epoch only (rule 6, S17a)',
    behind: {
      why: 'a new epoch begins only when nothing of the older ones is open, so that no evidence about them is left to come',
      edits: [
        {
          file: 'control-plane/store/memory/read.ts',
          find: '.filter(({ epoch }) => held?.has(epoch))',
          replace: '.filter(() => held !== undefined)',
        },
        {
          file: 'control-plane/cluster/check.ts',
          find: 'if (!open.has(epoch))',
          replace: 'if (epoch < 0)',
        },
      ],
    },
    edits: [
      {
        file: applyLease,
        find: '      if (held.epoch === epoch) closeHolder(view, view.services.get(held.sid)!, node, epoch)',
        replace: '      closeHolder(view, view.services.get(held.sid)!, node, held.epoch)',
      },
      {
        file: saveLeases,
        find: `      holder.epoch === epoch &&
      (scope === null ||`,
        replace: '      (scope === null ||',
      },
      {
        file: saveLeases,
        find: 'const closed = withoutHolder(services[sid]!, node, epoch)',
        replace:
          'const closed = withoutHolder(services[sid]!, node, services[sid]!.grant!.holders.find((one) => one.node === node)!.epoch)',
      },
    ],
    inPostgres: {
      file: 'test/store/safety-constraints.test.ts',
      test: 'of one epoch is not closed by evidence of another (S17a)',
    },
  },
  {
    name: 'evidence-of-another-service',
    schedule: 'S17b',
    guarantee: 'evidence about one service closes no other (rule 6, S17b)',
    edits: [
      {
        file: applyLease,
        find: '    closeHolder(view, service, node, epoch)\n  } else {',
        replace: `    for (const held of holdersOf(view.services, node.name, holding()))
      if (held.epoch === epoch) closeHolder(view, view.services.get(held.sid)!, node, epoch)
  } else {`,
      },
      {
        file: saveLeases,
        find: `      (scope === null || (service.sid === scope.sid && generation === scope.generation)),`,
        replace: '      (service.sid.length > 0 && generation > 0),',
      },
    ],
    inPostgres: {
      file: 'test/store/safety-constraints.test.ts',
      test: 'is closed by its own evidence only',
    },
  },
  {
    name: 'state-change-closes-grant',
    schedule: 'S18a',
    guarantee: 'no change of state closes a grant (rule 7, S18a)',
    edits: [
      {
        file: save,
        find: 'services[sid] = { ...known, status: { ...status, node } }',
        replace: `services[sid] = { ...known, status: { ...status, node },
        grant: status.state === 'error' || status.state === 'relocate' ? null : known.grant }`,
      },
      {
        file: save,
        find: 'if (known) services[sid] = { ...known, status: null }',
        replace: 'if (known) services[sid] = { ...known, status: null, grant: null }',
      },
    ],
    inPostgres: {
      file: 'test/store/safety-constraints.test.ts',
      test: 'is never closed without evidence',
    },
  },
  {
    name: 'rejoin-unsettled',
    schedule: 'S3 S17a',
    guarantee:
      'a new epoch in the same boot needs every older grant closed or adopted (rule 6, S3)',
    edits: [
      {
        file: 'control-plane/cluster/check.ts',
        find: 'if (epoch < lease.epoch && lease.bootId !== null)',
        replace: 'if (epoch < 0)',
      },
      {
        file: 'control-plane/crm/decide/epoch-requests.ts',
        find: 'if (open.length > 0) return',
        replace: 'if (open.length < 0) return',
      },
      {
        file: 'control-plane/crm/decide/epoch-requests.ts',
        find: 'for (const revocation of draft.view.nodes[name]!.revocations) {',
        replace: 'for (const revocation of draft.view.nodes[name]!.revocations.slice(0, 0)) {',
      },
      {
        file: 'control-plane/crm/decide/epoch-requests.ts',
        find: 'adopts: heldBy(draft, name).map(({ sid, generation }) => ({ sid, generation })),',
        replace: 'adopts,',
      },
      {
        file: applyLease,
        find: `    assert(
      adopted.get(held.sid) === held.generation,`,
        replace: `    if (adopted.get(held.sid) !== held.generation) continue
    assert(
      adopted.get(held.sid) === held.generation,`,
      },
      {
        file: saveLeases,
        find: 'if (left.some(({ holder }) => holder.epoch !== lease.epoch))',
        replace: 'if (left.length < 0)',
      },
    ],
    inPostgres: {
      file: 'test/store/safety-constraints.test.ts',
      test: 'goes to no new boot while a grant of an older epoch is open (S3)',
    },
  },
  {
    name: 'arm-without-reconfirmation',
    schedule: 'D8',
    guarantee: 'after arming a node proves nothing by silence before it said armed again (D8, S12)',
    edits: [
      {
        file: evidence,
        find: "if (revocation.guarded !== true) return 'its watchdog was not armed'",
        replace: "if (revocation.guarded === null) return 'its watchdog was not armed'",
      },
      {
        file: applyLease,
        find: '(revocation?.guarded === true && revocation.judgedUntilMs <= view.nowMs),',
        replace: '(revocation !== undefined && revocation.judgedUntilMs <= view.nowMs),',
      },
      {
        file: saveLeases,
        find: "if (evidence === 'watchdog-deadline' && !(revocation?.guarded === true && isPast))",
        replace: "if (evidence === 'watchdog-deadline' && !isPast)",
      },
    ],
    inPostgres: {
      file: 'test/store/safety-constraints.test.ts',
      test: 'by the watchdog’s deadline needs a watchdog that was armed throughout',
    },
  },
]
