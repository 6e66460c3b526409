// Whether anything of a cluster has changed. That somebody was refused is written down, and is no change.
import type { ClusterState } from '../../control-plane/store/memory/state.ts'

/** What differs, by its names; empty: nothing. Parts of a state are replaced when they change, and never written to. */
export function changedParts(before: ClusterState, after: ClusterState): string[] {
  const { operators, ...rest } = after
  const changed = (a: object, b: object) =>
    Object.keys(b).filter((key) => a[key as keyof typeof a] !== b[key as keyof typeof b])
  return [...changed(before, rest), ...changed(before.operators, operators)].filter(
    (name) => name !== 'audit',
  )
}
