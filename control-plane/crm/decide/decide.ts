// The CRM's decision: a view in, a plan out. An ordered list of questions and nothing else; each has its own file.
// Pure: time, ids and chance come from the view. Every change says why, and every wait leaves a note.
import type { Plan } from '../../cluster/plan.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { adoptRunning } from './adopt-running.ts'
import { acceptClusterCommands, finishClusterCommands } from './cluster-commands.ts'
import { balanceLoad } from './balance.ts'
import { acceptCommands, finishCommands, isTurnOfAnother } from './commands.ts'
import { lookAtDeadlines } from './deadlines.ts'
import { stepDisarm } from './disarm.ts'
import { finishDraft, type Known, startDraft } from './draft.ts'
import { settleEpochRequests } from './epoch-requests.ts'
import { fenceSilentNodes } from './fencing.ts'
import { tellEnds } from './node-ends.ts'
import { judgeNodes } from './node-states.ts'
import { judgeOutage } from './outage.ts'
import { settleProbes } from './probe.ts'
import { judgeQuarantine } from './quarantine.ts'
import { judgeQuorum, noteNoQuorum } from './quorum.ts'
import { closeReported, forgetWhereItRan } from './reported-closed.ts'
import { noteMissingFigures } from './scores.ts'
import { thawLost } from './service-states/freeze.ts'
import { manageServices, stepServices } from './services.ts'

/**
 * What is to be done now in this cluster, and why.
 * @param known about `view` already, where it is at hand: saves looking at everything, and says nothing else
 */
export function decide(view: ClusterView, known: Known = {}): Plan {
  const draft = startDraft(view, known)
  judgeQuorum(draft)
  closeReported(draft)
  forgetWhereItRan(draft)
  if (draft.view.quorate) {
    judgeQuarantine(draft)
    judgeOutage(draft)
    tellEnds(draft)
    acceptClusterCommands(draft)
    manageServices(draft)
    judgeNodes(draft)
    settleEpochRequests(draft)
    thawLost(draft)
    fenceSilentNodes(draft)
    judgeNodes(draft) // again: a node whose services were all proved dead is no longer in fence
    adoptRunning(draft)
    noteMissingFigures(draft)
    balanceLoad(draft)
    if (draft.view.disarm === null) settleProbes(draft)
    do {
      acceptCommands(draft)
      if (draft.view.disarm === null) stepServices(draft)
      else stepDisarm(draft)
      finishCommands(draft)
    } while (isTurnOfAnother(draft))
    finishClusterCommands(draft)
  } else {
    settleEpochRequests(draft)
    noteNoQuorum(draft)
  }
  lookAtDeadlines(draft)
  return finishDraft(draft)
}
