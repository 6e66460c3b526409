// Notes for whoever asks, after a reset, why it came: whether the watchdog counted, and why nobody fed it. Written only when
// that changes, and nothing is decided on them.
import type { Draft } from './draft.ts'
import { isDrilling } from './drill.ts'
import { isEmpty, leaseAllows } from './lease.ts'
import type { LifeNote } from './drill-state.ts'

/** Notes what has changed with this decision. */
export function noteLife(draft: Draft): void {
  const { lrm } = draft
  const life = lifeOf(draft)
  if (life.armed === lrm.life.armed && life.unfed === lrm.life.unfed) return
  lrm.life = life
  draft.effects.push({ kind: 'note-life', life })
}

function lifeOf(draft: Draft): LifeNote {
  const { lrm } = draft
  const { open, running } = lrm.watchdog
  const armed = open || running
  if (!armed) return { armed, unfed: null }
  if (isDrilling(lrm)) return { armed, unfed: 'a drill was asked for' }
  if (!open) return { armed, unfed: 'its agent was new and had not opened it again' }
  if (leaseAllows(draft) || isEmpty(lrm) || lrm.released) return { armed, unfed: null }
  return { armed, unfed: 'its lease could not be renewed in time' }
}
