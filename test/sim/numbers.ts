// Numbers that must never come twice, in any history of the database: rounds, generations and lease epochs.
import type { Change } from '../../control-plane/cluster/change.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'

export class Numbers {
  private round: number
  private generation = -1
  /** Of each node that ever was, by its uid. */
  private readonly epochs = new Map<string, number>()

  constructor(state: ClusterState) {
    this.round = state.round
  }

  /** What is wrong with the numbers of one commit, as sentences. */
  faultsOf(before: ClusterState, now: ClusterState, changes: readonly Change[]): string[] {
    const faults: string[] = []
    if (now.round !== before.round) {
      if (now.round <= this.round)
        faults.push(`round ${now.round} is committed after round ${this.round}`)
      this.round = now.round
    }
    for (const change of changes)
      if (change.kind === 'lease.opened') faults.push(...this.epochOpened(now, change))
      else if (isAllotted(change)) {
        if (change.generation <= this.generation)
          faults.push(`generation ${change.generation} of ${change.sid} was allotted before`)
        this.generation = Math.max(this.generation, change.generation)
      }
    return faults
  }

  /** Rounds of a history that is no more may come again. Generations and epochs must not: agents remember them. */
  onFailover(now: ClusterState): void {
    this.round = now.round
  }

  private epochOpened(now: ClusterState, { node, epoch }: Change & { kind: 'lease.opened' }) {
    const row = Object.values(now.nodes).find(
      ({ view, isRemoved }) => view.name === node && !isRemoved,
    )
    const uid = row?.view.uid ?? node
    const highest = this.epochs.get(uid) ?? -1
    this.epochs.set(uid, Math.max(highest, epoch))
    return epoch > highest ? [] : [`lease epoch ${epoch} of ${node} was opened before`]
  }
}

type Allotted = Change & { kind: 'grant.opened' | 'grant.shared' | 'grant.adopted' }

/** Without `foundAs` what is adopted keeps the number it has. */
function isAllotted(change: Change): change is Allotted {
  if (change.kind === 'grant.adopted') return change.foundAs !== undefined
  return change.kind === 'grant.opened' || change.kind === 'grant.shared'
}
