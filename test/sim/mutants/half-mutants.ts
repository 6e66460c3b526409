// The rules about the two halves of a live move (rules 7 and 12, S4), each taken out.
import type { Mutant } from './mutant.ts'

const saveLeases = 'control-plane/store/memory/save-lease-changes.ts'
const moveOrders = 'control-plane/cluster/move-orders.ts'

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
]
