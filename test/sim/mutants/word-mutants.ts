// The rules about what a node says of what runs there, and about what it has not said, each taken out.
import type { Edit, Mutant } from './mutant.ts'

const renewalBody = 'agent/lrm/decide/renewal-body.ts'
const epoch = 'agent/lrm/decide/epoch.ts'
const takenOver = 'control-plane/cluster/taken-over.ts'

const claimIgnored: Edit = {
  file: 'control-plane/crm/decide/open-grant.ts',
  find: '  if (!claim) return null\n',
  replace: '  if (!claim || claim.isCurrent) return null\n',
}

const strayUntold: Edit = {
  file: 'control-plane/cluster/orders.ts',
  find: ' || strays.some((name) => name !== node.name)',
  replace: ' || strays.length < 0',
}

const doubtUnsaid: Edit = {
  file: renewalBody,
  find: '    .filter((sid) => cannotLook(lrm, serviceType(sid)))\n',
  replace: '    .filter((sid) => sid.length === 0 && cannotLook(lrm, serviceType(sid)))\n',
}

export const wordMutants: Mutant[] = [
  {
    name: 'claim-ignored',
    schedule: 'by-hand',
    guarantee: 'nothing is granted that a node says it runs (rule 7)',
    behind: {
      why: 'whoever holds the grant is told that another node says so, and does not start it before that has ended',
      edits: [strayUntold],
    },
    edits: [claimIgnored],
  },
  {
    name: 'stray-untold',
    schedule: 'by-hand',
    guarantee: 'nothing is started that another node says it runs (rule 7)',
    behind: { why: 'nothing is granted that a node says it runs', edits: [claimIgnored] },
    edits: [strayUntold],
  },
  {
    name: 'blind-says-stopped',
    schedule: 'blind-asked',
    guarantee:
      'of what a blind driver could not look for an agent does not say that it is stopped (rule 6)',
    edits: [
      {
        file: epoch,
        find: 'same.length > 0 || blind.includes(serviceType(sid)) || isOutOfSight(lrm, sid)',
        replace: 'same.length > 0 || isOutOfSight(lrm, sid)',
      },
    ],
  },
  {
    name: 'no-driver-says-stopped',
    schedule: 'driver-gone',
    guarantee: 'nor of what it has no driver for (rule 6)',
    edits: [
      {
        file: epoch,
        find: 'blind.includes(serviceType(sid)) || isOutOfSight(lrm, sid)',
        replace: 'blind.includes(serviceType(sid))',
      },
    ],
  },
  {
    name: 'lost-journal-is-empty',
    schedule: 'driver-gone',
    guarantee:
      'a process that has lost its journal does not take for gone what it has no driver for (rules 3, 11)',
    edits: [
      {
        file: 'agent/lrm/decide/resume.ts',
        find: 'watchdog.running ? [...serviceTypes] : self.drivers',
        replace: 'watchdog.running ? self.drivers : [...serviceTypes]',
      },
    ],
  },
  {
    name: 'blind-answers',
    schedule: 'blind-probed',
    guarantee: 'what a driver could not look for is a doubt, and no absence (rule 7)',
    edits: [doubtUnsaid],
  },
  {
    name: 'obeyed-before-looking',
    schedule: 'just-started',
    guarantee: 'a question is answered by a look that began after it came (rule 7)',
    edits: [
      {
        file: renewalBody,
        find: 'const hasLooked = desired.probes.length === 0 || survey.seen >= desiredLook',
        replace:
          'const hasLooked = desired.probes.length === 0 || survey.seen > 0 || desiredLook > 0',
      },
    ],
  },
  {
    name: 'answered-before-asked',
    schedule: 'just-started',
    guarantee: 'what was said before a question is no answer to it (rule 7)',
    edits: [
      {
        file: takenOver,
        find: 'node.lease.revision >= probeRound && currentReport(node) !== null',
        replace: 'probeRound > 0 && currentReport(node) !== null',
      },
    ],
  },
  {
    name: 'no-driver-answers',
    schedule: 'no-driver',
    guarantee: 'a node that has no driver of the kind has not looked (rule 7)',
    behind: {
      why: 'such a node says that it cannot tell',
      edits: [doubtUnsaid],
    },
    edits: [
      {
        file: takenOver,
        find: '  if (takenOverFrom(service) === node.name && !canLook(node, service)) return false\n',
        replace: '',
      },
    ],
  },
  {
    name: 'silent-is-absent',
    schedule: 'silent-for-now',
    guarantee: 'before a first start a node is asked that was heard a moment ago (rule 7)',
    edits: [
      {
        file: 'control-plane/crm/decide/probe.ts',
        find: ' || answersSoonUntilMs(draft, name, sid) !== null',
        replace: '',
      },
    ],
  },
]
