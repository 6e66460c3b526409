// The rules about what no grant speaks of and what a tool does not tell, each taken out.
import type { Mutant } from './mutant.ts'

const disarm = 'control-plane/crm/decide/disarm.ts'

export const hiddenMutants: Mutant[] = [
  {
    name: 'arm-asks-nobody',
    schedule: 'S13',
    guarantee: 'after a disarm in mode ignore each service is asked for before it starts (D8, S13)',
    edits: [
      {
        file: disarm,
        find: 'if (!mayHaveMoved) return',
        replace: 'if (!mayHaveMoved || round > 0) return',
      },
    ],
  },
  {
    name: 'arm-asks-who-answers',
    schedule: 'S13',
    guarantee: 'and the whole roster is asked, not those alone that answer (D8, S13)',
    edits: [
      {
        file: disarm,
        find: 'probesRoster: true, running: false',
        replace: 'probesRoster: false, running: false',
      },
    ],
  },
  {
    name: 'first-start-unasked',
    schedule: 'S18c',
    guarantee:
      'before its first grant a service is asked for on every node that could run it (rule 7)',
    behind: {
      why: 'what a node says unasked counts as well, before a grant and before a start',
      edits: [
        {
          file: 'control-plane/crm/decide/open-grant.ts',
          find: '  if (!claim) return null\n',
          replace: '  if (!claim || claim.generation === 0) return null\n',
        },
        {
          file: 'control-plane/cluster/orders.ts',
          find: ' || strays.some((name) => name !== node.name)',
          replace: ' || strays.length < 0',
        },
      ],
    },
    edits: [
      {
        file: 'control-plane/crm/decide/probe.ts',
        find: 'if (status === null || probeRound === null) return null\n  const copies',
        replace:
          'if (status === null || probeRound === null || !status.probesRoster) return null\n  const copies',
      },
    ],
  },
  {
    name: 'a-failed-stop-is-a-stop',
    schedule: 'stuck',
    guarantee: '*stopped* means that nothing of it is left on the host (rule 12)',
    edits: [
      {
        file: 'agent/lrm/decide/stop.ts',
        find: "if (outcome === 'ok') {",
        replace: "if (outcome === 'ok' || outcome === 'timeout') {",
      },
    ],
  },
  {
    name: 'unseen-is-gone',
    schedule: 'blind',
    guarantee: 'a driver that does not answer has not said that anything is gone (rule 6)',
    edits: [
      {
        file: 'agent/lrm/decide/survey.ts',
        find: 'local.sinceMs < startedMs && !isFound(local) && !isBlind(local)',
        replace: 'local.sinceMs < startedMs && !isFound(local)',
      },
    ],
  },
  {
    name: 'answered-without-looking',
    schedule: 'S3 S17a',
    guarantee: 'what the drivers find after the challenge counts, and nothing else (rule 6)',
    edits: [
      {
        file: 'agent/lrm/decide/epoch.ts',
        find: '    joining.looking = true\n',
        replace: '    joining.found = []\n',
      },
    ],
  },
  {
    name: 'deadline-without-margin',
    schedule: 'slow-clock',
    guarantee: 'the deadline covers the rates of both clocks and what is on its way (rule 4)',
    edits: [
      {
        file: 'shared/timing.ts',
        find: 'return Math.ceil(timing.leaseMs * (1 + clockRate) ** 2) + timing.marginMs',
        replace: 'return timing.leaseMs',
      },
    ],
  },
]
