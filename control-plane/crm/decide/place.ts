// Where should a service run? Groups first, then what the service remembers, then the load (reference 2.14; basic scoring).
// Proposes; opens and moves nothing.
import type { GroupView, NodeName, Sid } from '../../cluster/view.ts'
import type { Draft } from './draft.ts'
import { preferredNodes } from './groups.ts'
import { nodeScores } from './scores.ts'

/** `stay`: where it is, if that is as good as any. `try-next`: where it has not failed. `best-score`: where least runs. */
export type Preference = 'stay' | 'try-next' | 'best-score'

export type Candidate = { node: NodeName; load: number; why: string }

export type Placement = {
  /** Best first; empty: nowhere. */
  candidates: Candidate[]
  /** D1: its group is restricted and none of the members is available. */
  restrictedOut: boolean
  /** Why it is nowhere. */
  note: string
}

/** The nodes that may take `sid` now, best first. */
export function place(draft: Draft, sid: Sid, preference: Preference): Placement {
  const { config, status } = draft.view.services[sid]!
  const { best, allowed, restrictedOut, refused } = preferredNodes(draft, sid)
  const group = groupOf(draft, sid)
  const current = status?.node ?? null
  const currentIs = (nodes: { has(node: NodeName): boolean }) =>
    current !== null && nodes.has(current)
  const note = `no node can take it${refused ? `: ${refused}` : ''}`
  const scoreOf = (node: NodeName) => nodeScores(draft, sid).get(node) ?? 0
  const one = (node: NodeName, why: string): Placement => ({
    candidates: [{ node, load: scoreOf(node), why }],
    restrictedOut,
    note,
  })
  if (preference === 'stay' && group?.nofailback && currentIs(allowed))
    return one(current!, `group ${group.name} does not fail back`)
  const failed = preference === 'try-next' ? (status?.failedNodes ?? []) : []
  const open = [...best].filter((node) => !failed.includes(node))
  const fallback = status?.fallbackNode ?? null
  if (fallback !== null && open.includes(fallback))
    return one(fallback, 'it ran there before the maintenance')
  if (preference === 'stay' && current !== null && open.includes(current))
    return one(current, 'it is there already')
  const why = group && config ? `best of group ${group.name}` : 'least loaded'
  const candidates = open
    .map((node) => ({
      node,
      load: scoreOf(node),
      why: `${why}, ${scoreOf(node)} services`,
    }))
    .sort((a, b) => a.load - b.load) // stable: nodes come by name
  return {
    candidates,
    restrictedOut,
    note:
      failed.length > 0 && best.size > 0
        ? `its start failed on ${failed.join(' ')}, no other node can take it`
        : note,
  }
}

/** The group a service is bound to, if there is one. */
export function groupOf(draft: Draft, sid: Sid): GroupView | null {
  const name = draft.view.services[sid]!.config?.group ?? null
  return name === null ? null : (draft.view.groups[name] ?? null)
}
