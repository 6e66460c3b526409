// Which state may follow which, with a word for each edge. Tables only; when an edge is taken is decided elsewhere.
// The reducer refuses every edge that is not here.
import { assert } from '../../shared/assert.ts'
import type { NodeState } from '../../shared/node.ts'
import type { ServiceState } from '../../shared/service.ts'

type Edges<State extends string> = Record<State, Partial<Record<State, string>>>

export const serviceEdges: Edges<ServiceState> = {
  request_start: {
    started: 'placed',
    request_start_balance: 'another node suits its start better',
    request_stop: 'no longer wanted',
    stopped: 'no member of its restricted group is available',
    freeze: 'the cluster is disarmed',
  },
  request_start_balance: {
    started: 'moved',
    request_stop: 'no longer wanted',
    fence: 'node lost',
    freeze: 'the cluster is disarmed',
  },
  started: {
    request_stop: 'no longer wanted here',
    migrate: 'moves live',
    relocate: 'moves',
    freeze: 'its agent restarts',
    fence: 'node lost',
    error: 'start failed for good',
  },
  request_stop: {
    stopped: 'confirmed',
    freeze: 'its agent restarts',
    fence: 'node lost',
    error: 'stop failed',
    started: 'found running and adopted',
  },
  stopped: {
    request_start: 'wanted',
    freeze: 'its agent restarts',
    started: 'found running and adopted',
    request_stop: 'found running, no longer wanted',
    fence: 'node lost',
    migrate: 'its place moves',
    relocate: 'its place moves',
  },
  migrate: {
    started: 'move ended',
    relocate: 'its driver cannot move it live',
    request_stop: 'no longer wanted',
    fence: 'node lost',
    error: 'move failed',
  },
  relocate: {
    started: 'move ended',
    request_stop: 'no longer wanted',
    fence: 'node lost',
    error: 'move failed',
  },
  fence: {
    recovery: 'nothing of it is left',
    started: 'found running and adopted',
    request_stop: 'found running, no longer wanted',
  },
  recovery: {
    started: 'placed',
    request_stop: 'placed, not wanted',
    stopped: 'no node, not wanted or not allowed',
  },
  freeze: {
    started: 'thawed',
    request_start: 'thawed, to be started anew',
    request_stop: 'thawed, not wanted',
  },
  error: { request_stop: 'disabled', stopped: 'disabled, nothing left of it' },
}

export const nodeEdges: Edges<NodeState> = {
  online: { maintenance: 'to be emptied', unknown: 'silent' },
  maintenance: { online: 'in service again', unknown: 'silent', fence: 'lease revoked' },
  unknown: {
    online: 'renews',
    maintenance: 'renews, to be emptied',
    fence: 'lease revoked',
    gone: 'removed',
  },
  fence: { unknown: 'nothing of it is left' },
  gone: { unknown: 'back' },
}

/** Throws unless `to` may follow `from`. */
export function assertLegalEdge<State extends string>(
  edges: Edges<State>,
  subject: string,
  from: State,
  to: State,
): void {
  assert(edges[from][to] !== undefined, `${subject}: no edge leads from ${from} to ${to}`)
}
