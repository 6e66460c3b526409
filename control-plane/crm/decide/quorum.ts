// Is the plane quorate? Under `plane` the database is the quorum, and whoever reads this could commit. Under
// `majority` more than half of the nodes must also report. Without quorum nobody is judged, fenced or placed.
import { decideChange, type Draft, noteService } from './draft.ts'

/** Changes the verdict where it has changed. */
export function judgeQuorum(draft: Draft): void {
  const { view } = draft
  const nodes = Object.values(view.nodes)
  if (view.settings.quorum === 'plane' || nodes.length === 0) {
    if (!view.quorate)
      decideChange(draft, {
        kind: 'quorum.changed',
        quorate: true,
        why: 'the database is the quorum',
      })
    return
  }
  const reporting = countReporting(draft)
  const quorate = reporting * 2 > nodes.length
  if (quorate === view.quorate) return
  const why = `${reporting} of ${nodes.length} nodes reported within ${view.settings.timing.silentMs} ms`
  decideChange(draft, { kind: 'quorum.changed', quorate, why })
}

function countReporting(draft: Draft): number {
  const { silentMs } = draft.view.settings.timing
  return Object.values(draft.view.nodes).filter(
    ({ lease }) => lease.reportedMs !== null && draft.nowMs - lease.reportedMs < silentMs,
  ).length
}

/** Says on every service why nothing is decided about it. */
export function noteNoQuorum(draft: Draft): void {
  const note = `not quorate: ${countReporting(draft)} of ${draft.nodeNames.length} nodes report, more than half must`
  for (const sid of draft.sids) noteService(draft, sid, note)
  for (const name of draft.nodeNames) draft.nodeNotes.set(name, note)
}
