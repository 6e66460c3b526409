// request_start_balance: not running, and on its way to a better node for its start. Nothing is carried over, so
// with no grant open it is there already.
import type { Draft } from '../draft.ts'
import { toState } from '../transition.ts'
import { isWanted, type Managed } from './step.ts'

export function stepRequestStartBalance(draft: Draft, managed: Managed): void {
  const { sid, status } = managed
  const node = status.target ?? status.node
  toState(
    draft,
    sid,
    isWanted(managed) ? 'started' : 'request_stop',
    { node },
    'it is where it is to start',
  )
}
