// The plane epoch: one history of the database. Stale loses; with a newer one every confirm is void, and what runs, runs on.
import { judgePlaneEpoch, type PlaneEpoch } from '../../../shared/lease.ts'
import { type Draft, say, sendOnlyAfterJournal, writeDown } from './draft.ts'

/** Whether an answer under `told` may be believed. */
export function planeEpochCounts(draft: Draft, told: PlaneEpoch): boolean {
  const { planeEpoch } = draft.lrm
  if (judgePlaneEpoch(planeEpoch, told) !== 'stale') return true
  say(draft, 'stale plane epoch refused', { told, known: planeEpoch }, 'warn')
  return false
}

/** Takes a newer plane epoch over; nothing is sent before it is on disk. */
export function adoptPlaneEpoch(draft: Draft, told: PlaneEpoch): void {
  const { lrm } = draft
  if (judgePlaneEpoch(lrm.planeEpoch, told) !== 'newer') return
  if (lrm.planeEpoch !== null)
    say(draft, 'plane epoch', { from: lrm.planeEpoch.number, to: told.number }, 'warn')
  lrm.planeEpoch = { number: told.number, uuid: told.uuid }
  writeDown(draft, (journal) => {
    journal.planeEpoch = { number: told.number, uuid: told.uuid }
  })
  sendOnlyAfterJournal(draft)
  lrm.confirmed = {}
  lrm.desired = null
  lrm.renewal.settledRevision = null
  // A challenge of an older history may be one that nobody remembers: its answer would be taken for a late one, for ever.
  lrm.joining = { ...lrm.joining, challenge: null, found: null, looking: false }
  if (lrm.renewal.inFlight) lrm.renewal.inFlight = { ...lrm.renewal.inFlight, confirms: [] }
  if (lrm.poll.running) draft.effects.push({ kind: 'cancel-poll' })
  lrm.poll = { id: lrm.poll.id + 1, running: false, dueMs: 0, failures: 0 }
}
