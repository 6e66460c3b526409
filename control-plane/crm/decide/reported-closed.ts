// What agents say they ended for good: evidence `agent-stopped`, one service and generation at a time (rule 6).
import { currentReport, generationOn, holderOn } from '../../cluster/grants.ts'
import { decideChange, type Draft } from './draft.ts'
import { surveyOf } from './survey.ts'
import { setFields } from './transition.ts'

/** Closes the grants that agents journaled as closed, where they said so under the lease they hold now. */
export function closeReported(draft: Draft): void {
  for (const node of surveyOf(draft).restless) {
    const { name } = node
    const report = currentReport(node)
    if (report === null) continue
    for (const { sid, generation } of report.closed) {
      const grant = draft.view.services.get(sid)?.grant ?? null
      // SAFETY: a report is about its own boot and epoch only, and never outlives them (S15a).
      if (generationOn(grant, name) !== generation || holderOn(grant, name)?.epoch !== report.epoch)
        continue
      const contradicted = report.running.some(
        (one) => one.sid === sid && one.generation === generation,
      )
      if (contradicted) {
        draft.nodeNotes.set(
          name,
          `says that it ended ${sid} for good and that it still finds it running`,
        )
        continue
      }
      decideChange(draft, {
        kind: 'evidence.recorded',
        evidence: 'agent-stopped',
        node: name,
        epoch: report.epoch,
        scope: { sid, generation },
        facts: { bootId: report.bootId, seq: report.seq },
        why: `the agent of ${name} ended generation ${generation} for good and found nothing of it left`,
      })
    }
  }
}

/**
 * A person vouched for the death of a node, outside of any round, while another still has a half of what ran there. Also where
 * nothing else is decided: nobody is to read that it runs.
 */
export function forgetWhereItRan(draft: Draft): void {
  for (const sid of draft.index.census.lists.unsettled) {
    const { status, grant } = draft.view.services.get(sid) ?? {}
    if (!status?.running || !grant || holderOn(grant, status.node)) continue
    setFields(draft, sid, { running: false }, `${status.node} holds its grant no more`)
  }
}
