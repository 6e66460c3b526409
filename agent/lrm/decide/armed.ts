// Whether this node is under its watchdog, and for how long the device may count: the disk must know that before the
// device does, since a process that comes later feeds it for so long by merely opening it.
import { type Draft, writeDown } from './draft.ts'
import type { Lrm } from './lrm.ts'

/** Held open by this process, with a timeout that is known. Nothing is confirmed or started otherwise. */
export function isArmed(lrm: Lrm): boolean {
  return lrm.watchdog.open && lrm.watchdog.configuredMs > 0
}

/** Whether the disk says that the device may be set to so long a W; if not, it is being written. */
export function isLengthOnDisk(draft: Draft, effectiveMs: number): boolean {
  const { lrm } = draft
  const { next } = lrm.armLimit
  if (next !== null && lrm.writtenVersion >= next.version)
    lrm.armLimit = { upTo: next.upTo, next: null }
  if (effectiveMs <= lrm.armLimit.upTo) return true
  if ((lrm.armLimit.next?.upTo ?? 0) < effectiveMs) expectLength(draft, effectiveMs)
  return false
}

/** Whether the disk knows that the device may count from now on, and for how long. Asked before anything is armed. */
export function isArmingOnDisk(draft: Draft, effectiveMs: number): boolean {
  const isLength = isLengthOnDisk(draft, effectiveMs)
  forgetUnarmed(draft)
  return isLength && draft.lrm.writtenVersion >= draft.lrm.armableFromVersion
}

/** From here on the journal does not say that nothing has counted since the release. */
export function forgetUnarmed(draft: Draft): void {
  const { lrm } = draft
  if (lrm.journal.unarmed === undefined) return
  lrm.armableFromVersion = writeDown(draft, (journal) => {
    delete journal.unarmed
  })
}

/** The device may be set to so long a W from now on. */
export function expectLength(draft: Draft, effectiveMs: number): void {
  const version = writeDown(draft, (journal) => {
    journal.armedMs = Math.max(effectiveMs, journal.armedMs ?? 0)
  })
  draft.lrm.armLimit = { ...draft.lrm.armLimit, next: { upTo: effectiveMs, version } }
}

/** The device is set now: nothing longer is to be feared any more. */
export function noteArmedLength(draft: Draft, effectiveMs: number): void {
  if ((draft.lrm.journal.armedMs ?? 0) === effectiveMs) return
  writeDown(draft, (journal) => {
    journal.armedMs = effectiveMs
  })
  draft.lrm.armLimit = { upTo: effectiveMs, next: null }
}
