// The rules of the time between two histories of the database (rule 9), each taken out.
import type { Edit, Mutant } from './mutant.ts'

const quarantine = 'control-plane/crm/decide/quarantine.ts'
const evidence = 'control-plane/crm/decide/evidence.ts'

const confirmedAnyway: Edit = {
  file: 'control-plane/store/memory/leases.ts',
  find: 'state.quorate && row.armed && state.planeEpoch.quarantineUntilMs === null ?',
  replace: 'state.quorate && row.armed ?',
}

export const quarantineMutants: Mutant[] = [
  {
    name: 'silence-proves-in-quarantine',
    schedule: 'lost-adoption',
    guarantee:
      'in a quarantine no watchdog’s deadline is proof: a lost history may have granted on (rule 9)',
    edits: [
      {
        file: evidence,
        find: 'quarantineUntilMs !== null) return\n  recordNeverConfirmed(draft, name)',
        replace: 'quarantineUntilMs === null) recordNeverConfirmed(draft, name)',
      },
    ],
  },
  {
    name: 'unconfirmed-in-quarantine',
    schedule: 'lost-confirm',
    guarantee:
      'in a quarantine no missing confirm is proof: a lost history may have had it (rule 9)',
    edits: [
      {
        file: evidence,
        find: `  if (draft.view.planeEpoch.quarantineUntilMs !== null) return
  recordNeverConfirmed(draft, name)`,
        replace: `  recordNeverConfirmed(draft, name)
  if (draft.view.planeEpoch.quarantineUntilMs !== null) return`,
      },
    ],
  },
  {
    name: 'unconfirmed-whatever-it-says',
    schedule: 'confirmed-once',
    guarantee:
      'what a node says that it runs was started, whatever is on record of its confirm (rule 6)',
    edits: [
      {
        file: evidence,
        find: 'if (report?.running.some(isIt) || epochRequest?.found.some(isIt)) continue',
        replace: 'if (draft.nowMs < 0 && (report ?? epochRequest) && isIt) continue',
      },
    ],
  },
  {
    name: 'confirmed-in-quarantine',
    schedule: 'lost-recovery',
    guarantee: 'in a quarantine nothing is confirmed, so nothing starts (rule 9)',
    edits: [confirmedAnyway],
    inPostgres: { file: 'test/lease/confirms.test.ts', test: 'is not given in quarantine (S5)' },
  },
  {
    name: 'granted-in-quarantine',
    schedule: 'lost-release',
    guarantee: 'in a quarantine nothing is granted (rule 9)',
    behind: { why: 'nothing is confirmed then, either', edits: [confirmedAnyway] },
    edits: [
      {
        file: 'control-plane/crm/decide/open-grant.ts',
        find: 'if (quarantine !== null) return',
        replace: 'if (quarantine !== null && draft.nowMs < 0) return',
      },
      {
        file: 'control-plane/cluster/apply.ts',
        find: '  assert(view.planeEpoch.quarantineUntilMs === null, `${sid}: no grant in a quarantine`)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'quarantine-without-attesting',
    schedule: 'lost-release',
    guarantee: 'a quarantine ends only when every node of the roster has attested (rule 9)',
    edits: [{ file: quarantine, find: '  if (missing.length > 0) return\n', replace: '' }],
  },
  {
    name: 'quarantine-without-waiting',
    schedule: 'lost-join',
    guarantee: 'a quarantine outlasts every lease of the lost history (rule 9)',
    edits: [
      {
        file: quarantine,
        find: '  if (nowMs < untilMs) return lookAgainAt(draft, untilMs)\n',
        replace: '  if (nowMs < 0) return lookAgainAt(draft, untilMs)\n',
      },
    ],
  },
  {
    name: 'old-word-forgotten',
    schedule: 'lost-move',
    guarantee:
      'what a node said that it runs of a lost history stands until it says otherwise (rules 7, 9)',
    edits: [
      {
        file: 'control-plane/crm/decide/open-grant.ts',
        find: 'if (isCurrent || isUnknownGeneration(service, generation))',
        replace: 'if (isCurrent || isUnknownGeneration(service, -generation))',
      },
    ],
  },
]
