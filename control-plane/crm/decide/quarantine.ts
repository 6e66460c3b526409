// After the history of the database was cut (rule 9): nothing is started before every lease of the lost history is
// over and every node of the roster has attested what it runs. Ends here and nowhere else.
import { decideChange, type Draft, lookAgainAt, nodesOf } from './draft.ts'

/** Ends the quarantine when it may end; otherwise the notes say for whom it waits. */
export function judgeQuarantine(draft: Draft): void {
  const { view, nowMs } = draft
  const untilMs = view.planeEpoch.quarantineUntilMs
  if (untilMs === null) return
  const missing = missingAttestations(draft)
  for (const name of missing)
    draft.nodeNotes.set(name, `has not attested plane epoch ${view.planeEpoch.number}`)
  if (nowMs < untilMs) return lookAgainAt(draft, untilMs)
  if (missing.length > 0) return
  const why = 'every lease of the lost history is over and every node has attested'
  decideChange(draft, { kind: 'quarantine.ended', why })
}

/** Why nothing may be started now, or null. */
export function quarantineNote(draft: Draft): string | null {
  const untilMs = draft.view.planeEpoch.quarantineUntilMs
  if (untilMs === null) return null
  if (draft.nowMs < untilMs)
    return `quarantine after a cut history: nothing starts for another ${seconds(untilMs - draft.nowMs)}`
  const missing = missingAttestations(draft).join(' ')
  return `quarantine after a cut history: waits for ${missing} to attest, or for: ha-manager fence confirm`
}

/** A node that never attests stays here until a person vouches for its death or removes it. */
function missingAttestations(draft: Draft): string[] {
  const { number } = draft.view.planeEpoch
  return nodesOf(draft).flatMap(({ name, lease }) =>
    lease.attestedPlaneEpoch === number ? [] : [name],
  )
}

/** A duration for a note, in whole seconds rounded up. */
export function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`
}
