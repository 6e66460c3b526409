// Numbers that must never come twice, in any history of the database: rounds, generations and lease epochs. What a history
// had given is told to the next one by agents; a number whose witnesses have forgotten it, too, may come again.
import type { Change } from '../../control-plane/cluster/change.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'
import { Tally } from './tally.ts'

export class Numbers {
  private round: number
  private readonly tally: Tally
  private readonly forgotten: () => number
  private generation = { highest: -1, forgotten: 0 }
  /** Of each node that ever was, by its uid. */
  private readonly epochs = new Map<string, { highest: number; forgotten: number }>()

  /** @param forgotten how often any agent has lost what it had written down */
  constructor(state: ClusterState, tally = new Tally(), forgotten = () => 0) {
    this.forgotten = forgotten
    this.round = state.round
    this.tally = tally
  }

  /** What is wrong with the numbers of one commit, as sentences. */
  faultsOf(before: ClusterState, now: ClusterState, changes: readonly Change[]): string[] {
    const faults: string[] = []
    if (now.round !== before.round) {
      this.tally.note('judged: round')
      if (now.round <= this.round)
        faults.push(`round ${now.round} is committed after round ${this.round}`)
      this.round = now.round
    }
    for (const change of changes)
      if (change.kind === 'lease.opened') faults.push(...this.epochOpened(now, change))
      else if (isAllotted(change)) {
        this.tally.note('judged: generation')
        const { next, isNew } = this.after(this.generation, change.generation)
        if (!isNew)
          faults.push(`generation ${change.generation} of ${change.sid} was allotted before`)
        this.generation = next
      }
    return faults
  }

  /** Rounds of a history that is no more may come again. Generations and epochs must not: agents remember them. */
  onFailover(now: ClusterState): void {
    this.round = now.round
  }

  private after(known: { highest: number; forgotten: number }, number: number) {
    const forgotten = this.forgotten()
    const isNew = number > known.highest || forgotten > known.forgotten
    const next = number > known.highest ? { highest: number, forgotten } : known
    return { next, isNew }
  }

  private epochOpened(now: ClusterState, { node, epoch }: Change & { kind: 'lease.opened' }) {
    const row = Object.values(now.nodes).find(
      ({ view, isRemoved }) => view.name === node && !isRemoved,
    )
    this.tally.note('judged: lease epoch')
    const uid = row?.view.uid ?? node
    const known = this.epochs.get(uid) ?? { highest: -1, forgotten: 0 }
    const { next, isNew } = this.after(known, epoch)
    this.epochs.set(uid, next)
    return isNew ? [] : [`lease epoch ${epoch} of ${node} was opened before`]
  }
}

type Allotted = Change & { kind: 'grant.opened' | 'grant.shared' | 'grant.adopted' }

/** Without `foundAs` what is adopted keeps the number it has. */
function isAllotted(change: Change): change is Allotted {
  if (change.kind === 'grant.adopted') return change.foundAs !== undefined
  return change.kind === 'grant.opened' || change.kind === 'grant.shared'
}
