// Clusters in memory, with what makes Postgres Postgres here: one clock, an identity, transactions that see and hold
// rows, and commits that are whole or not at all. For simulations and dry runs; nothing survives the process.
import type { PlannedJob } from '../../cluster/plan.ts'
import type { Change } from '../../cluster/change.ts'
import type { HealthRow } from '../node-health.ts'
import type { UsageRow } from '../node-usage.ts'
import type { Moment } from './leases.ts'
import { noteHealth, noteUsage } from './nodes.ts'
import type { ClusterState, ServerIdentity } from './state.ts'

export type Patch<T> = (state: ClusterState, moment: Moment) => { state: ClusterState; result: T }

/** What a commit tells those who listen. */
export type Commit = {
  clusterId: number
  /** Doorbells. */
  rings: ('crm' | 'events')[]
  /** Nodes whose orders changed. */
  nodes: string[]
  jobs: PlannedJob[]
  changes: Change[]
}

/** `round`: who has it is the CRM now, or keeps it away. `cluster`: operators write one after the other. */
export type LockRow = 'round' | 'cluster'

type Waiting = { clusterId: number; uids: string[]; go: () => void }

export class MemoryDatabase {
  /** `clock_timestamp()`. */
  readonly now: () => number
  server: ServerIdentity
  clusters: Record<number, ClusterState> = {}
  /** After every commit that changed anything. */
  onCommit: (commit: Commit) => void = () => {}
  /** Rows that one transaction at a time may have. */
  private readonly locks: Record<LockRow, Map<number, MemoryTransaction>> = {
    round: new Map(),
    cluster: new Map(),
  }
  private waiting: Waiting[] = []

  constructor(now: () => number, server: ServerIdentity) {
    this.now = now
    this.server = server
  }

  get moment(): Moment {
    return { nowMs: this.now(), server: this.server }
  }

  cluster(clusterId: number): ClusterState {
    const state = this.clusters[clusterId]
    if (!state) throw new Error(`no cluster ${clusterId}`)
    return state
  }

  /** The cluster a node belongs to. */
  clusterOf(nodeUid: string): ClusterState | undefined {
    return Object.values(this.clusters).find((state) => nodeUid in state.nodes)
  }

  /** One statement that is its own transaction. */
  commit<T>(clusterId: number, patch: Patch<T>, tells: Partial<Commit> = {}): T {
    const { state, result } = patch(this.cluster(clusterId), this.moment)
    this.clusters = { ...this.clusters, [clusterId]: state }
    this.onCommit({ clusterId, rings: [], nodes: [], jobs: [], changes: [], ...tells })
    return result
  }

  /** What nodes measured of themselves. */
  noteUsage(rows: UsageRow[]): void {
    for (const row of rows)
      if (this.clusters[row.clusterId])
        this.commit(row.clusterId, (state, { nowMs }) => ({
          state: noteUsage(state, row, nowMs),
          result: undefined,
        }))
  }

  /** What nodes told of their machines. */
  noteHealth(rows: HealthRow[]): void {
    for (const row of rows)
      if (this.clusters[row.clusterId])
        this.commit(row.clusterId, (state, { nowMs }) => ({
          state: noteHealth(state, row, nowMs),
          result: undefined,
        }))
  }

  /** @param isRound of a round of the CRM, or of an operator */
  begin(isRound: boolean): MemoryTransaction {
    return new MemoryTransaction(this, isRound)
  }

  /** Is this row held by a transaction of another? */
  isHeld(clusterId: number, nodeUid: string): boolean {
    const { round, cluster } = this.locks
    return [round, cluster].some((lock) => lock.get(clusterId)?.holds(nodeUid))
  }

  /** Calls back when none of these rows is held any more: at once, where none is. Returns what gives up waiting. */
  whenFree(clusterId: number, uids: string[], go: () => void): () => void {
    if (!uids.some((uid) => this.isHeld(clusterId, uid))) {
      go()
      return () => {}
    }
    const waiting = { clusterId, uids, go }
    this.waiting.push(waiting)
    return () => {
      this.waiting = this.waiting.filter((one) => one !== waiting)
    }
  }

  /** Takes the row; false where another transaction has it. */
  lock(clusterId: number, transaction: MemoryTransaction, row: LockRow): boolean {
    const holder = this.locks[row].get(clusterId)
    if (holder !== undefined && holder !== transaction) return false
    this.locks[row].set(clusterId, transaction)
    transaction.hold(row)
    return true
  }

  isElected(clusterId: number): boolean {
    return this.locks.round.has(clusterId)
  }

  unlock(transaction: MemoryTransaction): void {
    for (const lock of Object.values(this.locks))
      for (const [clusterId, holder] of lock) if (holder === transaction) lock.delete(clusterId)
    const free = this.waiting.filter(
      ({ clusterId, uids }) => !uids.some((uid) => this.isHeld(clusterId, uid)),
    )
    this.waiting = this.waiting.filter((one) => !free.includes(one))
    for (const { go } of free) go()
  }

  /** Every transaction under way ends, as when the server goes down. */
  abortAll(): void {
    const { round, cluster } = this.locks
    for (const transaction of new Set([...round.values(), ...cluster.values()])) transaction.abort()
  }
}

/**
 * A transaction of a round or an operator: what it writes is kept as patches, applied to the state as it is at the commit. The rows
 * it writes are held from then on, so that each patch finds what it found when it was made.
 */
export class MemoryTransaction {
  private readonly database: MemoryDatabase
  private patches: { clusterId: number; apply(state: ClusterState): ClusterState }[] = []
  /** What the patches so far make of a committed state: made anew only when that changed. */
  private seen: { of: ClusterState; state: ClusterState; patches: number } | null = null
  private readonly held = new Set<string>()
  private readonly tells = new Map<number, Commit>()
  private isOver = false
  readonly isRound: boolean

  constructor(database: MemoryDatabase, isRound: boolean) {
    this.database = database
    this.isRound = isRound
  }

  get isOpen(): boolean {
    return !this.isOver
  }

  holds(row: string): boolean {
    return this.held.has(row)
  }

  hold(row: string): void {
    this.held.add(row)
  }

  /** The cluster as this transaction sees it: its own writes on what others committed. */
  current(clusterId: number): ClusterState {
    const committed = this.database.cluster(clusterId)
    const { seen, patches } = this
    if (seen?.of === committed && seen.patches === patches.length) return seen.state
    const state = patches
      .filter((patch) => patch.clusterId === clusterId)
      .reduce((next, patch) => patch.apply(next), committed)
    this.seen = { of: committed, state, patches: patches.length }
    return state
  }

  /** Writes; throws what the statement throws. */
  write<T>(clusterId: number, patch: Patch<T>, rows: string[] = []): T {
    const { moment } = this.database
    const { state: written, result } = patch(this.current(clusterId), moment)
    this.patches.push({ clusterId, apply: (state) => patch(state, moment).state })
    const of = this.database.cluster(clusterId)
    this.seen = { of, state: written, patches: this.patches.length }
    for (const uid of rows) this.held.add(uid)
    return result
  }

  /** Told at the commit. */
  tell(clusterId: number, more: Partial<Commit>): void {
    const known = this.tells.get(clusterId) ?? {
      ...{ clusterId, rings: [], nodes: [], jobs: [], changes: [] },
    }
    this.tells.set(clusterId, {
      clusterId,
      rings: [...known.rings, ...(more.rings ?? [])],
      nodes: [...known.nodes, ...(more.nodes ?? [])],
      jobs: [...known.jobs, ...(more.jobs ?? [])],
      changes: [...known.changes, ...(more.changes ?? [])],
    })
  }

  commit(): void {
    // As idle_in_transaction_session_timeout has it.
    if (this.isOver) throw Object.assign(new Error('the transaction is over'), { code: '25P03' })
    const changed = new Map<number, ClusterState>()
    for (const { clusterId } of this.patches)
      if (!changed.has(clusterId)) changed.set(clusterId, this.current(clusterId))
    for (const [clusterId, state] of changed)
      this.database.clusters = { ...this.database.clusters, [clusterId]: state }
    this.end()
    for (const commit of this.tells.values()) this.database.onCommit(commit)
  }

  abort(): void {
    if (!this.isOver) this.end()
  }

  private end(): void {
    this.isOver = true
    this.held.clear()
    this.database.unlock(this)
  }
}
