// Who may be running what: open grants and their holders, as the reducer and the decision read them. Reads only.
import type { ServiceGeneration } from '../../shared/protocol.ts'
import type { ServiceLookup } from './service-table.ts'
import type { GrantView, HolderView, NodeName, NodeView, ServiceView, Sid } from './view.ts'

/** The number of the lease epoch that follows this one. */
export function nextLeaseEpoch(lease: { epoch: number }): number {
  return lease.epoch + 1
}

/** The open holder that `node` is of this grant, or undefined. */
export function holderOn(grant: GrantView | null, node: NodeName | null): HolderView | undefined {
  return grant?.holders.find((holder) => holder.node === node)
}

/** Holds a grant under the epoch that the node may renew now. */
export function holdsNow(grant: GrantView | null, node: NodeView): boolean {
  return node.lease.bootId !== null && holderOn(grant, node.name)?.epoch === node.lease.epoch
}

/** A boot may renew it and its deadline has not passed: the only lease under which a grant may be opened. */
export function hasCurrentLease(node: NodeView, nowMs: number): boolean {
  return node.lease.bootId !== null && node.lease.judgedUntilMs > nowMs
}

type Held = ServiceGeneration & { epoch: number; confirmed: boolean }

/** Every open holder of `node`, in the order of service ids. `among`: services of which all others are known to hold none. */
export function holdersOf(services: ServiceLookup, node: NodeName, among: Iterable<Sid>): Held[] {
  const held: Held[] = []
  for (const sid of new Set(among)) {
    const grant = services.get(sid)?.grant ?? null
    const holder = holderOn(grant, node)
    if (grant === null || !holder) continue
    const { generation = grant.generation, epoch, confirmed } = holder
    held.push({ sid, generation, epoch, confirmed })
  }
  return held.sort((a, b) => compareText(a.sid, b.sid))
}

/** `service` without the holder (node, epoch); without its grant when that was the last one. */
export function withoutHolder(service: ServiceView, node: NodeName, epoch: number): ServiceView {
  const { grant, status } = service
  if (grant === null) return service
  const holders = grant.holders.filter((holder) => holder.node !== node || holder.epoch !== epoch)
  if (holders.length === grant.holders.length) return service
  const isWhereItRan = status?.running === true && status.node === node
  return {
    ...service,
    grant: grantOf(grant, holders),
    status:
      status && (isWhereItRan || holders.length === 0) ? { ...status, running: false } : status,
  }
}

/** The grant with these holders left: it bears the number of the older. */
function grantOf({ generation }: GrantView, holders: readonly HolderView[]): GrantView | null {
  const [first, ...others] = holders
  if (first === undefined) return null
  const { generation: own = generation, ...older } = first
  return { generation: own, holders: [older, ...others] }
}

/** The number that `node` holds the service under, or null. */
export function generationOn(grant: GrantView | null, node: NodeName | null): number | null {
  const holder = holderOn(grant, node)
  return grant === null || holder === undefined ? null : (holder.generation ?? grant.generation)
}

/** The other open holder of a grant that two nodes hold: where a half of the service may be. */
export function otherHolder(
  grant: GrantView | null,
  node: NodeName | null,
): HolderView | undefined {
  return grant?.holders.find((holder) => holder.node !== node)
}

/**
 * Where a live move of `service` goes, as long as the target may come alive: also while its source waits for proof that
 * it is dead, for it may have left already.
 */
export function liveTargetOf({ status, grant }: ServiceView): NodeName | null {
  const isMoving = status?.state === 'migrate' || status?.state === 'fence'
  return isMoving && holderOn(grant, status.target) !== undefined ? status.target : null
}

/** What `node` said last, under the lease it has now, of the generation it holds. */
export function reportOn(node: NodeView | undefined, { sid, grant }: ServiceView) {
  const generation = node ? generationOn(grant, node.name) : null
  if (!node || generation === null) return undefined
  return currentReport(node)?.running.find(
    (one) => one.sid === sid && one.generation === generation,
  )
}

/** Nothing of it is left to manage: removed, forgotten, and no grant open. */
export function isForgotten(service: ServiceView): boolean {
  return service.config === null && service.status === null && service.grant === null
}

/** What a node's last report says, if it was made under the lease it has now; else null. */
export function currentReport(node: NodeView) {
  const { report, lease } = node
  return report &&
    lease.bootId !== null &&
    report.epoch === lease.epoch &&
    report.bootId === lease.bootId
    ? report
    : null
}

/**
 * No grant with this generation was ever opened for the service here: it comes from a lost history (rule 9). What is said
 * of a known one that is closed is old news; what is said of an unknown one stands until its node says otherwise.
 */
export function isUnknownGeneration(service: ServiceView, generation: number): boolean {
  return generation > Math.max(service.lastGeneration ?? 0, service.grant?.generation ?? 0)
}

/** Services that `node` last said it runs under a generation this database does not know. */
export function unknownOn(services: ServiceLookup, node: NodeView): ServiceGeneration[] {
  return (node.report?.running ?? []).filter(({ sid, generation }) => {
    const service = services.get(sid)
    return service !== undefined && isUnknownGeneration(service, generation)
  })
}

/** Order by code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
