// The agent's rules, each taken out: lease, feeding, starting, the journal.
import type { Edit, Mutant } from './mutant.ts'

const renewal = 'agent/lrm/decide/renewal.ts'
const renewalBody = 'agent/lrm/decide/renewal-body.ts'
const watchdog = 'agent/lrm/decide/watchdog.ts'
const services = 'agent/lrm/decide/services.ts'

const startFromJournal: Edit[] = [
  {
    file: 'agent/lrm/decide/resume.ts',
    find: 'return { epoch, planeEpoch, timing, closed, ...(settings && { settings }) }',
    replace:
      'return { epoch, planeEpoch, timing, closed, started: old.started, ...(settings && { settings }) }',
  },
  {
    file: 'agent/lrm/decide/resume.ts',
    find: 'if (!isSameBoot) return leftByEarlierBoot',
    replace: 'if (!isSameBoot) return null',
  },
  {
    file: services,
    find: "import { isLive, isStable } from './records.ts'",
    replace: "import { enterPhase, isLive, isStable, recordFor } from './records.ts'",
  },
  {
    file: services,
    find: '...Object.keys(journal.moving)]',
    replace: '...Object.keys(journal.moving), ...Object.keys(journal.started)]',
  },
  {
    file: services,
    find: '  if (order === null) {\n    if (local && isUnordered',
    replace: `  const journaled = draft.lrm.journal.started[sid]
  if (draft.lrm.desired === null && journaled !== undefined && (local?.phase ?? 'idle') === 'idle') {
    enterPhase(draft, recordFor(draft, sid, journaled), 'starting')
    const untilMs = Number.POSITIVE_INFINITY
    draft.effects.push({ kind: 'start', sid, generation: journaled, spec: {}, untilMs })
    return
  }
  if (order === null) {
    if (local && isUnordered`,
  },
]

export const agentMutants: Mutant[] = [
  {
    name: 'feed-until-L-minus-W',
    schedule: 'cut',
    guarantee: 'nothing is fed later than t_s + L − 3W (rule 3)',
    edits: [
      {
        file: 'shared/timing.ts',
        find: 'export const feedFactor = 3',
        replace: 'export const feedFactor: number = 1',
      },
    ],
  },
  {
    name: 'timeout-as-configured',
    schedule: 'S2',
    guarantee: 'W is how long the device really lets the machine live (terms, S2)',
    edits: [
      {
        file: 'agent/lrm/decide/watchdog-events.ts',
        find: 'watchdog.effectiveMs = event.effectiveMs',
        replace: 'watchdog.effectiveMs = event.configuredMs',
      },
    ],
  },
  {
    name: 'lease-from-reply',
    schedule: 'M3',
    guarantee: 'the lease counts from the sending of its renewal (rule 2)',
    edits: [
      {
        file: renewal,
        find: 'sentMs: sent.sentMs, leaseMs: answer.leaseMs },',
        replace: 'sentMs: draft.nowMs, leaseMs: answer.leaseMs },',
      },
    ],
  },
  {
    name: 'one-shared-t_s',
    schedule: 'M3',
    guarantee: 'an answer is credited to its own request (rule 2, M3)',
    behind: {
      why: 'one renewal is in flight at a time, and its client drops what comes after its deadline',
      edits: [
        {
          file: renewal,
          find: '  if (epoch === null || planeEpoch === null || renewal.inFlight !== null) return\n',
          replace: `  if (epoch === null || planeEpoch === null) return
  const nextMs = (renewal.inFlight?.sentMs ?? 0) + lrm.timing.renewMs / 4
  if (renewal.inFlight !== null && nowMs < nextMs) return wakeAt(draft, nextMs)
`,
        },
      ],
    },
    edits: [
      {
        file: renewal,
        find: '  if (renewal.inFlight?.seq !== seq) return null\n',
        replace: '  if (renewal.inFlight === null) return null\n',
      },
    ],
  },
  {
    name: 'two-feeds-in-flight',
    schedule: 'M4',
    guarantee: 'check and write of a feed are one step, one at a time (rule 3, M4)',
    edits: [
      {
        file: 'agent/lrm/effects.ts',
        find: "      case 'feed':\n",
        replace: `      case 'feed':
        return void look([]).then(() =>
          runWatchdog(deps, { ...effect, untilMs: Number.POSITIVE_INFINITY }, tell))
`,
      },
    ],
  },
  {
    name: 'open-without-lease',
    schedule: 'S1',
    guarantee: 'a process without a lease does not open the watchdog (rule 3, S1)',
    edits: [
      {
        file: watchdog,
        find: `  if (lrm.lease === null) return
  const untilMs = feedUntilMs(lrm.lease, feedMarginMs(effectiveMs))
  if (nowMs > untilMs) return
`,
        replace: `  const untilMs = watchdog.open && lrm.lease
    ? feedUntilMs(lrm.lease, feedMarginMs(effectiveMs)) : Number.POSITIVE_INFINITY
  if (nowMs > untilMs) return
`,
      },
      {
        file: watchdog,
        find: 'return isLeftCounting(lrm.watchdog) && !nothingOnHost(lrm) && leaseAllows(draft)',
        replace: 'return isLeftCounting(lrm.watchdog) && !nothingOnHost(lrm)',
      },
    ],
  },
  {
    name: 'start-before-arm',
    schedule: 'start',
    guarantee: 'nothing is confirmed or started before the watchdog is armed (rule 12)',
    edits: [
      {
        file: 'agent/lrm/decide/armed.ts',
        find: 'return lrm.watchdog.open && lrm.watchdog.configuredMs > 0',
        replace: 'return lrm.watchdog.class !== "none"',
      },
      {
        file: renewalBody,
        find: "const armed = watchdog.class !== 'none' && (watchdog.open || watchdog.running)",
        replace: 'const armed = true',
      },
      {
        file: watchdog,
        find: 'return draft.wishes.length > 0 || !nothingOnHost(lrm)\n',
        replace: "return Object.values(lrm.services).some(({ phase }) => phase === 'running')\n",
      },
    ],
  },
  {
    name: 'start-unconfirmed',
    schedule: 'cut',
    guarantee: 'nothing starts before its confirm is committed (rule 12)',
    edits: [
      {
        file: 'agent/lrm/decide/run.ts',
        find: 'if (lrm.confirmed[sid] !== generation || !isArmed(lrm)',
        replace: 'if (!isArmed(lrm)',
      },
    ],
  },
  {
    name: 'start-from-journal',
    schedule: 'M13',
    guarantee: 'nothing is started from the journal (rule 12, M13)',
    edits: startFromJournal,
  },
  {
    name: 'start-before-gates',
    schedule: 'S8',
    guarantee: 'nothing is started before its start gate is in place (rule 12, S8)',
    edits: [
      {
        file: 'agent/lrm/decide/managed.ts',
        find: 'if (told === null || told === digest) return true',
        replace: 'if (told !== undefined) return true',
      },
    ],
  },
  {
    name: 'report-before-journal',
    schedule: 'S15b',
    guarantee: 'the end of a generation is journaled before it is reported (rule 6, S15b)',
    behind: {
      why: 'nothing is started from the journal, and what has ended is not confirmed again',
      edits: startFromJournal,
    },
    edits: [
      {
        file: renewalBody,
        find: 'if ((lrm.closedAt[sid] ?? 0) > lrm.writtenVersion) continue',
        replace: '',
      },
    ],
  },
  {
    name: 'move-falls-back',
    schedule: 'S4b',
    guarantee: 'a move of unknown result never means: back on the source (rule 12, S4b)',
    edits: [
      {
        file: 'agent/lrm/decide/migrate.ts',
        find: '    local.move = freshMove({ doubt: wasSent ? detail : null, retryAtMs })\n',
        replace: `    stayed(draft, local, outcome, detail)
    enterPhase(draft, local, 'idle')
`,
      },
      {
        file: 'agent/lrm/decide/run.ts',
        find: 'const isHeld = order.shared === true || mayBeElsewhere(draft.lrm, sid, generation)',
        replace: 'const isHeld = draft.nowMs < 0 && mayBeElsewhere(draft.lrm, sid, generation)',
      },
    ],
  },
  {
    name: 'taken-up-before-sent',
    schedule: 'two-steps',
    guarantee: 'what moves in two steps is taken up only once its source has sent it off',
    edits: [
      {
        file: 'control-plane/cluster/move-orders.ts',
        find: "if (source?.state !== 'migrating' || source.sent !== true) return false",
        replace: "if (source?.state !== 'migrating') return false",
      },
    ],
  },
]
