// Renewals, confirms and releases in the memory store: the conditions of lease/renewal-statement.ts and
// lease/release.ts, row by row. Pure: a state in, a state and answers out.
import type { LeaseRequest } from '../../../shared/protocol.ts'
import { fenceAfterMs, type Timing } from '../../../shared/timing.ts'
import type { Asked } from '../../lease/lease-lane.ts'
import type { ReleaseCommit } from '../../lease/release.ts'
import type { RenewalRow, RenewedRow } from '../../lease/renewal-statement.ts'
import { reasonsFor, type Refusal, type Standing } from '../../lease/why-not.ts'
import { generationOn } from '../../cluster/grants.ts'
import type { ServiceView } from '../../cluster/view.ts'
import { claimRegress } from './nodes.ts'
import {
  type ClusterState,
  holdersOf,
  isSameServer,
  type ServerIdentity,
  type StoredNode,
  withNode,
} from './state.ts'

export type Moment = { nowMs: number; server: ServerIdentity }

/** Renews one row if every condition holds; null where one does not. */
export function renew(
  state: ClusterState,
  row: RenewalRow,
  moment: Moment,
): { state: ClusterState; renewed: RenewedRow } | null {
  const node = state.nodes[row.nodeUid]
  if (!node || !mayRenew(state, node, row, moment)) return null
  const next = renewed(state, node, row, moment.nowMs)
  const mayConfirm =
    state.quorate && row.armed && state.planeEpoch.quarantineUntilMs === null ? row.confirms : []
  const { services, confirmed } = confirm(state, next, mayConfirm)
  const answer: RenewedRow = {
    nodeUid: row.nodeUid,
    seq: row.seq,
    leaseMs: state.settings.timing.leaseMs,
    quorate: state.quorate,
    digest: next.reportDigest,
    unguarded: next.view.lease.guarded === false,
    wroteReport: row.report !== null,
    revision: node.desired?.revision ?? 0,
    nodeState: node.hasStatus ? node.view.state : null,
    confirmed,
    databaseMs: moment.nowMs,
  }
  return { state: { ...withNode(state, next), services }, renewed: answer }
}

function mayRenew(state: ClusterState, node: StoredNode, row: RenewalRow, { server }: Moment) {
  const { lease } = node.view
  const { planeEpoch } = state
  return (
    state.cluster.id === row.clusterId &&
    lease.epoch === row.epoch &&
    lease.bootId === row.bootId &&
    node.seq < row.seq &&
    planeEpoch.number === row.planeNumber &&
    planeEpoch.uuid === row.planeUuid &&
    isSameServer(state.server, server)
  )
}

function renewed(state: ClusterState, node: StoredNode, row: RenewalRow, nowMs: number) {
  const { view } = node
  const { lease } = view
  const leaseUntilMs = state.quorate
    ? Math.max(lease.leaseUntilMs, nowMs + fenceAfterMs(state.settings.timing))
    : lease.leaseUntilMs
  const isOnRecord = row.report !== null || node.reportDigest === row.digest
  const { epoch, bootId, seq } = row
  const report = row.report === null ? view.report : { epoch, bootId, seq, ...reportOf(row) }
  return {
    ...node,
    seq,
    reportDigest: row.report === null ? node.reportDigest : row.digest,
    reportRevision: row.report === null ? node.reportRevision : row.revision,
    view: {
      ...view,
      report,
      lease: {
        ...lease,
        reportedMs: nowMs,
        renewedMs: state.quorate ? nowMs : lease.renewedMs,
        leaseUntilMs,
        judgedUntilMs: leaseUntilMs,
        armed: row.armed,
        guarded: guardedAfter(state, node, row),
        releasedMs: row.armed ? null : lease.releasedMs,
        attestedPlaneEpoch: isOnRecord ? row.planeNumber : lease.attestedPlaneEpoch,
        lrmState: row.lrmState as typeof lease.lrmState,
        mode: row.mode as typeof lease.mode,
      },
    },
  }
}

function reportOf(row: RenewalRow) {
  return row.report as Pick<LeaseRequest, 'running' | 'closed' | 'results'>
}

function guardedAfter(state: ClusterState, { view }: StoredNode, row: RenewalRow): boolean | null {
  const { guarded } = view.lease
  if (row.armed) return row.hasConfirms ? (guarded ?? true) : guarded
  const isHolding = holdersOf(state, view.name).some(({ holder }) => holder.confirmed)
  return isHolding && guarded !== null ? false : null
}

function confirm(state: ClusterState, { view }: StoredNode, asked: RenewalRow['confirms']) {
  let { services } = state
  const confirmed: RenewalRow['confirms'] = []
  for (const { sid, generation } of asked) {
    const service: ServiceView | undefined = services[sid]
    const grant = service?.grant
    const holds = grant?.holders.some(
      (holder) => holder.node === view.name && holder.epoch === view.lease.epoch,
    )
    if (!service || !grant || !holds || generationOn(grant, view.name) !== generation) continue
    const holders = grant.holders.map((holder) =>
      holder.node === view.name ? { ...holder, confirmed: true } : holder,
    )
    services = { ...services, [sid]: { ...service, grant: { ...grant, holders } } }
    confirmed.push({ sid, generation })
  }
  return { services, confirmed }
}

/** Why these were not renewed; what they remember of a lost history is written down. */
export function whyNot(
  state: ClusterState,
  asked: Asked[],
  { server }: Moment,
): { state: ClusterState; reasons: Map<string, Refusal> } {
  const standings = asked.flatMap(({ request }): Standing[] => {
    const node = state.nodes[request.nodeUid]
    if (!node) return []
    const { epoch, bootId } = node.view.lease
    return [
      {
        ...{ nodeUid: request.nodeUid, epoch, bootId, seq: node.seq },
        lastRevoked: Math.max(0, ...node.revocations.map((one) => one.epoch)),
        ...{ planeNumber: state.planeEpoch.number, planeUuid: state.planeEpoch.uuid },
        ...{ numberFloor: state.numberFloor, sameServer: isSameServer(state.server, server) },
      },
    ]
  })
  const reasons = reasonsFor(asked, standings)
  let next = state
  for (const { request } of asked) {
    const claim = reasons.get(request.nodeUid)?.claim
    if (claim) next = claimRegress(next, request, claim)
  }
  return { state: next, reasons }
}

/** Commits a release; null where a condition of the lease does not hold. */
export function release(
  state: ClusterState,
  request: LeaseRequest,
  timing: Timing,
  { nowMs, server }: Moment,
): { state: ClusterState; done: ReleaseCommit } {
  const node = state.nodes[request.nodeUid]
  if (!node) return { state, done: null }
  const held = holdersOf(state, node.view.name)
  const isUnmanaged = state.disarm?.mode === 'ignore' && state.disarm.effectiveMs !== null
  const isFree = isUnmanaged && request.mode === 'disarm'
  if (!isFree && held.some(({ service }) => blocksRelease(service)))
    return { state, done: 'blocked' }
  const { lease } = node.view
  const { number, uuid } = state.planeEpoch
  const isHeld =
    lease.epoch === request.epoch && lease.bootId === request.bootId && node.seq < request.seq
  const isSamePlane =
    number === request.planeEpoch.number &&
    uuid === request.planeEpoch.uuid &&
    lease.attestedPlaneEpoch === number &&
    isSameServer(state.server, server)
  if (!isHeld || !isSamePlane || !state.quorate) return { state, done: null }
  const leaseUntilMs = Math.max(lease.leaseUntilMs, nowMs + fenceAfterMs(timing))
  const { mode, lrmState } = request
  const released = {
    ...lease,
    ...{ armed: false, releasedMs: nowMs, renewedMs: nowMs, reportedMs: nowMs, mode, lrmState },
    guarded: held.length > 0 ? false : null,
    ...{ leaseUntilMs, judgedUntilMs: leaseUntilMs },
  }
  const next = { ...node, seq: request.seq, view: { ...node.view, lease: released } }
  const done = { revision: node.desired?.revision ?? 0, unguarded: released.guarded === false }
  return { state: withNode(state, next), done }
}

function blocksRelease({ config, status }: ServiceView): boolean {
  if (config === null || config.requested === 'ignored') return false
  return status?.state !== 'freeze' && status?.state !== 'error'
}
