// The rules about the two halves of a live move (rules 7 and 12, S4), each taken out.
import type { Edit, Mutant } from './mutant.ts'

const saveLeases = 'control-plane/store/memory/save-lease-changes.ts'
const moveOrders = 'control-plane/cluster/move-orders.ts'

const openedUnconfirmed: Edit = {
  file: 'agent/lrm/decide/receive.ts',
  find: `  if (lrm.confirmed[sid] !== generation || !isArmed(lrm) || !leaseAllows(draft)) return
  if (!isNewest(draft) || !isWritten(draft)) return
  if (local.phase`,
  replace: `  if (!isArmed(lrm) || !leaseAllows(draft)) return
  if (!isNewest(draft) || !isWritten(draft)) return
  if (local.phase`,
}

const toldUnconfirmed: Edit = {
  file: 'agent/lrm/decide/renewal-body.ts',
  find: "phase === 'incoming' && draft.lrm.confirmed[sid] === generation",
  replace: "phase === 'incoming'",
}

/** No renewal need be granted since they came. */
const ordersUnsettled: Edit = {
  file: 'agent/lrm/decide/poll.ts',
  find: 'lrm.desired !== null && lrm.renewal.settledRevision === lrm.desired.revision',
  replace: 'lrm.desired !== null',
}

const passedOnUnconfirmed: Edit = {
  file: moveOrders,
  find: 'return isConfirmed ? (reportOn',
  replace: 'return isConfirmed || target ? (reportOn',
}

export const halfMutants: Mutant[] = [
  {
    name: 'half-replaced',
    schedule: 'third-node',
    guarantee: 'a grant has no third holder, and a second one in nobody’s place (rule 7)',
    edits: [
      {
        file: 'control-plane/crm/decide/moves.ts',
        find: 'if (other) return `${other.node} has not',
        replace: 'if (other && other.epoch < 0) return `${other.node} has not',
      },
      {
        file: 'control-plane/cluster/apply.ts',
        find: `      grant?.holders.length === 1 && holderOn(grant, node.name) === undefined,
`,
        replace: '      grant !== null && holderOn(grant, node.name) === undefined,\n',
      },
      {
        file: 'control-plane/cluster/apply.ts',
        find: 'const holders = [...grant.holders, { ...holder, generation }]',
        replace: 'const holders = [...grant.holders.slice(0, 1), { ...holder, generation }]',
      },
      {
        file: saveLeases,
        find: 'if (grant?.holders.length !== 1 || grant.holders[0]?.node === change.node)',
        replace: 'if (grant === null || grant.holders[0]?.node === change.node)',
      },
      {
        file: saveLeases,
        find: 'holders: [...grant.holders, { ...holder, generation }]',
        replace: 'holders: [...grant.holders.slice(0, 1), { ...holder, generation }]',
      },
    ],
    inPostgres: {
      file: 'test/store/shared-grant.test.ts',
      test: 'takes a second holder on another node, under a number of its own, and never a third',
    },
  },
  {
    name: 'half-ended-early',
    schedule: 'stopped-on-the-way',
    guarantee: 'a half stays open as long as its source may still be moving (S4, S16)',
    behind: {
      why: 'nothing arrives at a half that is closed: its gate is gone with it',
      edits: [
        {
          file: 'test/sim/live-moves.ts',
          find: '    const fits = half?.address === address && guest',
          replace: `    if (target && !half)
      target.incoming.set(sid, { sid, generation: Number(address.split(' ')[1]), address })
    const fits = guest`,
        },
      ],
    },
    edits: [
      {
        file: moveOrders,
        find: "if (status.state === 'request_stop' || !says || currentReport(says) === null) return false",
        replace: 'if (!says) return false',
      },
      {
        file: moveOrders,
        find: "return state === undefined || state === 'running'",
        replace: "return state !== 'stopped'",
      },
    ],
  },
  {
    name: 'half-opened-unconfirmed',
    schedule: 'without-quorum',
    guarantee: 'a half is opened only under its confirm (rule 12, S4)',
    behind: {
      why: 'where it listens is told and passed on only under the confirm, and only settled orders are followed',
      edits: [toldUnconfirmed, passedOnUnconfirmed, ordersUnsettled],
    },
    edits: [openedUnconfirmed],
  },
  {
    name: 'half-told-unconfirmed',
    schedule: 'without-quorum',
    guarantee: 'where a half listens is told only under its confirm (rule 12, S4)',
    behind: {
      why: 'it is opened and passed on only under the confirm, and only settled orders are followed',
      edits: [openedUnconfirmed, passedOnUnconfirmed, ordersUnsettled],
    },
    edits: [toldUnconfirmed],
  },
  {
    name: 'address-of-unconfirmed-half',
    schedule: 'without-quorum',
    guarantee: 'a source hears only of a half that is confirmed (rule 12, S4)',
    behind: {
      why: 'it is opened and says where it listens only under its confirm, and only settled orders are followed',
      edits: [openedUnconfirmed, toldUnconfirmed, ordersUnsettled],
    },
    edits: [passedOnUnconfirmed],
  },
  {
    name: 'moved-on-unsettled-orders',
    schedule: 'without-quorum',
    guarantee: 'nothing moves on orders since which no renewal was granted (rule 12, S6)',
    behind: {
      why: 'a half is opened, told and passed on only under its confirm',
      edits: [openedUnconfirmed, toldUnconfirmed, passedOnUnconfirmed],
    },
    edits: [ordersUnsettled],
  },
]
