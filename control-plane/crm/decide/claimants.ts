// Who may be running a service that nobody holds a grant for, or that the nodes are asked about: what their reports say
// of it. What is said here is no verdict; open-grant.ts and probe.ts weigh it.
import type { Sid } from '../../cluster/view.ts'
import { type Draft, withTouched } from './draft.ts'
import type { Running } from './view-index.ts'

/** The nodes that last said they run `sid`, by name; under whatever lease they had then. */
export function claimants(draft: Draft, sid: Sid): readonly Running[] {
  return draft.index.runningAt(sid)
}

/** Services without an open grant, as things stand in the plan; in order. */
export function ungranted(draft: Draft): Sid[] {
  const closed = draft.changes.flatMap((change) => {
    if (change.kind !== 'evidence.recorded') return []
    return change.scope ? [change.scope.sid] : draft.index.sidsOn(change.node)
  })
  const maybe = withTouched(draft, [...draft.index.census.lists.ungranted, ...closed])
  return maybe.filter((sid) => draft.view.services.get(sid)?.grant === null)
}
