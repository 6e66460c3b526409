// The rules about what fence devices prove, each taken out.
import type { Mutant } from './mutant.ts'

const proof = 'control-plane/cluster/fence-proof.ts'
const inPostgres = {
  file: 'test/store/safety-constraints.test.ts',
  test: 'by a fence device needs a report about that epoch in which it was read off, and that report stays',
}

export const fenceMutants: Mutant[] = [
  {
    name: 'one-reading-is-enough',
    schedule: 'one-reading',
    guarantee: 'a machine is off when it was read off twice in a row after the command (rule 6)',
    edits: [
      {
        file: proof,
        find: 'for (const { state, identity } of [first, second]) {',
        replace: 'for (const { state, identity } of [first]) {',
      },
    ],
  },
  {
    name: 'one-feed-is-enough',
    schedule: 'one-feed',
    guarantee: 'a machine is off when all of its feeds are (rule 6)',
    behind: {
      why: 'no feed is read a second time before all were read off once',
      edits: [
        {
          file: 'control-plane/fence/carry-out.ts',
          find: 'if (!(await together(all, (one) => one.untilOff()))) return said()',
          replace: 'await together(all, (one) => one.untilOff())',
        },
      ],
    },
    edits: [
      {
        file: proof,
        find: "report.devices.find(({ fault }) => fault !== '')",
        replace: "report.devices.slice(0, 1).find(({ fault }) => fault !== '')",
      },
      {
        file: proof,
        find: 'for (const device of devices) {',
        replace: 'for (const device of devices.slice(0, 1)) {',
      },
    ],
  },
  {
    name: 'evidence-of-another-order',
    schedule: 'old-order',
    guarantee: 'what was read for one epoch proves nothing about the next one (rule 6, S17d)',
    edits: [
      {
        file: 'control-plane/crm/decide/fence-devices.ts',
        find: 'return fenceOrder?.epoch === epoch ? fenceOrder : null',
        replace: 'return epoch > 0 ? (fenceOrder ?? null) : null',
      },
      {
        file: 'control-plane/cluster/apply-fence.ts',
        find: "if (!fenceOrder || fenceOrder.epoch !== epoch) return 'no order was given for it'",
        replace: "if (!fenceOrder || epoch < 0) return 'no order was given for it'",
      },
      {
        file: 'control-plane/store/memory/save-lease-changes.ts',
        find: "(one) => one.order === order && one.epoch === epoch && one.outcome === 'off',",
        replace: "(one) => one.order === order && one.outcome === 'off',",
      },
    ],
    inPostgres,
  },
  {
    name: 'any-machine-will-do',
    schedule: 'S17d',
    guarantee: 'a device speaks of the machine that its node is, or of none (rule 6, S17d)',
    edits: [
      {
        file: proof,
        find: 'if (!isSameMachine(device.expects, identity))',
        replace: "if (identity.uuid === '')",
      },
      {
        file: 'control-plane/fence/carry-out.ts',
        find: 'if (!isSameMachine(this.drive.view.expects, identity))',
        replace: "if (identity.uuid === '')",
      },
    ],
  },
  {
    name: 'off-is-off-wherever-it-is',
    schedule: 'moved-machine',
    guarantee: 'a virtual machine that was off before the command may run elsewhere (rule 13)',
    edits: [
      {
        file: proof,
        find: "before !== 'on' && before !== 'paused'",
        replace: "before === 'unknown'",
      },
    ],
  },
  {
    name: 'once-on-is-on-for-good',
    schedule: 'lost-way-back',
    guarantee:
      'a virtual machine that was found gone since it was found on may run elsewhere (rule 13)',
    edits: [
      {
        file: 'control-plane/fence/found-on.ts',
        find: 'said.findLast(({ before }) => before !== null)',
        replace: 'said.find(({ before }) => before !== null)',
      },
    ],
  },
  {
    name: 'on-before-it-is-written',
    schedule: 'unwritten',
    guarantee:
      'what was switched off is not switched on again before its death is on record (rule 6)',
    edits: [
      {
        file: 'control-plane/fence/switch-on.ts',
        find: 'if (task !== null && !task.isSettled)',
        replace: 'if (task !== null && task.devices.length === 0)',
      },
    ],
  },
]
