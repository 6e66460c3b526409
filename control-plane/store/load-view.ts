// Reads one cluster as a ClusterView, in one statement and so in one snapshot. Must only read.
import type postgres from 'postgres'
import { assert } from '../../shared/assert.ts'
import type { Clock } from '../../shared/clock.ts'
import { Settings } from '../../shared/settings.ts'
import { fenceAfterMs } from '../../shared/timing.ts'
import type { Census } from '../cluster/census.ts'
import { type KnownRules, rulesAfter } from '../cluster/rules/known-rules.ts'
import { type UnderRules, underRulesAfter } from '../cluster/rules/under-rules.ts'
import type { ClusterView, NodeView } from '../cluster/view.ts'
import type { ClockWitness } from '../lease/clock-witness.ts'
import type { RawView } from './view/raw-view.ts'
import { censusOf, completed, fits, type KnownView, type ViewCache } from './view/view-cache.ts'
import { viewStatement } from './view-statement.ts'

type Sql = postgres.Sql | postgres.TransactionSql

/** A view with what the store alone needs to save the round that follows it. */
export type LoadedView = {
  view: ClusterView
  /** Digests of the desired documents as stored, by node name. */
  desiredDigests: Record<string, string>
  identityMatches: boolean
  /** A node remembers a plane epoch at least as high as ours: the history was cut. */
  regressClaims: { planeEpoch: number; why: string }[]
  longestLeaseMs: number
  /** What is remembered for the next round; null where nothing is. */
  known: KnownView | null
  /** Of the view, kept up to date from round to round; null where nothing is remembered. */
  census: Census | null
  /** Its rules, compiled; null where nothing is remembered. */
  rules: KnownRules | null
  /** Who is under them; null where nothing is remembered. */
  underRules: UnderRules | null
}

/** How a round reads: judged by two clocks, and only what was written since its replica's last round. */
export type RoundReading = { witness: ClockWitness; clock?: Clock; cache?: ViewCache | undefined }

/**
 * Loads cluster `clusterId`. Deadlines are as the database says: for reading only, never for fencing.
 * @returns null where there is no such cluster
 */
export async function loadView(sql: Sql, clusterId: number): Promise<ClusterView | null> {
  return (await load(sql, clusterId))?.view ?? null
}

/** As `loadView`, with what saving needs. */
export async function load(
  sql: Sql,
  clusterId: number,
  reading?: RoundReading,
): Promise<LoadedView | null> {
  if (reading?.clock) await observe(sql, reading.witness, reading.clock)
  const cache = reading?.cache
  const remembered = cache?.get(clusterId) ?? null
  let row = await read(sql, clusterId, remembered)
  let before = remembered
  if (remembered !== null && row !== null && !fits(remembered, row)) {
    row = await read(sql, clusterId, null)
    before = null
  }
  if (!row?.head) return null
  const now = completed(before, row, row.head.nowMs)
  const loaded = assemble(row, now, before?.rules ?? null, reading?.witness)
  if (!cache) return { ...loaded, known: null, census: null, rules: null, underRules: null }
  const census = censusOf(before, row, loaded.view)
  const rules = rulesAfter(before?.rules ?? null, loaded.view)
  const underRules = underRulesAfter(
    before?.underRules ?? null,
    loaded.view,
    rules.compiled,
    row.touched,
  )
  const known = { ...now, census, rules, underRules }
  cache.set(clusterId, known)
  const view = { ...loaded.view, rules: rules.rules, groups: rules.groups }
  return { ...loaded, view, known, census, rules, underRules }
}

async function read(sql: Sql, clusterId: number, known: KnownView | null): Promise<RawView | null> {
  const values = known === null ? [clusterId] : [clusterId, known.horizon]
  const statement = viewStatement(known !== null)
  const [row] = await sql.unsafe<RawView[]>(statement, values, { prepare: true })
  return row ?? null
}

/**
 * A reading of the database's clock by a statement of its own: what the view's own statement takes in a large cluster
 * would leave so wide a doubt about the moment of its reading that no deadline could be judged by it.
 */
async function observe(sql: Sql, witness: ClockWitness, clock: Clock): Promise<void> {
  const startedMs = clock.bootMs()
  const [row] = await sql<{ now: number }[]>`select epoch_ms(clock_timestamp()) as now`
  const tookMs = clock.bootMs() - startedMs
  if (row) witness.observe({ databaseMs: row.now, bootMs: startedMs + tookMs / 2 }, tookMs)
}

function assemble(
  row: RawView,
  now: KnownView,
  rulesBefore: KnownRules | null,
  witness: ClockWitness | undefined,
): Omit<LoadedView, 'known' | 'census' | 'rules' | 'underRules'> {
  const head = row.head!
  const settings = Settings.parse(head.settings)
  // The longest lease ever allowed: after a step of the clock nobody knows which one a node holds (S11).
  const longest = { ...settings.timing, leaseMs: head.longestLeaseMs }
  const view: ClusterView = {
    cluster: head.cluster,
    round: head.round,
    ...(head.lastRoundMs !== null && { lastRoundMs: head.lastRoundMs }),
    nowMs: head.nowMs,
    planeEpoch: head.planeEpoch,
    settings,
    quorate: head.quorate,
    quietSinceMs: head.quietSinceMs,
    nextGeneration: head.nextGeneration,
    disarm: head.disarm,
    imbalancedSinceMs: head.imbalancedSinceMs,
    nodes: nodesOf(row, now, judgeWith(witness, fenceAfterMs(longest))),
    ...ruledBy(row, rulesBefore),
    services: now.services,
    commands: row.commands,
    clusterCommands: row.clusterCommands,
  }
  return {
    view,
    desiredDigests: Object.fromEntries(row.nodes.map((node) => [node.name, node.desiredDigest])),
    identityMatches: head.identityMatches,
    regressClaims: head.regressClaims,
    longestLeaseMs: head.longestLeaseMs,
  }
}

/** The rules and groups of `row`; those that are known, where nobody has written any since. */
function ruledBy(
  { rules, groups }: RawView,
  before: KnownRules | null,
): Pick<ClusterView, 'rules' | 'groups'> {
  if (rules !== null && groups !== null)
    return { rules, groups: Object.fromEntries(groups.map((group) => [group.name, group])) }
  assert(before !== null, 'rules and groups are read whole the first time')
  return { rules: before.rules, groups: before.groups }
}

export type Judge = (leaseUntilMs: number, committedMs: number | null) => number

/** How long a lease counts as held, as far as both clocks can say (rule 9). */
export function judgeWith(witness: ClockWitness | undefined, fullMs: number): Judge {
  return (leaseUntilMs, committedMs) =>
    witness && committedMs !== null
      ? witness.judgedUntilMs(leaseUntilMs, committedMs, fullMs)
      : leaseUntilMs
}

function nodesOf(row: RawView, now: KnownView, judge: Judge): Record<string, NodeView> {
  const nodes: Record<string, NodeView> = {}
  for (const raw of row.nodes) {
    const {
      desiredDigest: _,
      hasReport: __,
      reportRevision,
      fenceDevices,
      fenceOrder,
      ...node
    } = raw
    const report = now.reports[node.uid] ?? null
    const current = report?.epoch === node.lease.epoch
    nodes[node.name] = {
      ...node,
      ...(fenceDevices && { fenceDevices }),
      ...(fenceOrder && { fenceOrder }),
      report,
      usage: now.usages[node.name]?.usage.node ?? null,
      usageMs: now.usages[node.name]?.atMs ?? null,
      health: now.healths[node.name]?.health ?? null,
      healthMs: now.healths[node.name]?.atMs ?? null,
      lease: {
        ...node.lease,
        // A revision counts as obeyed together with the report that was made under it, never before.
        revision: current ? (reportRevision ?? 0) : 0,
        judgedUntilMs: judge(node.lease.leaseUntilMs, node.lease.renewedMs),
      },
      revocations: node.revocations.map(({ renewedMs, ...revocation }) => ({
        ...revocation,
        judgedUntilMs: judge(revocation.leaseUntilMs, renewedMs),
      })),
    }
  }
  return nodes
}
