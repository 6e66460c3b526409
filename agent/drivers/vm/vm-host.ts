// What the parts of the vm driver share: the daemon, the process table, the records and the gate of one node on one host.
import type { Clock } from '../../../shared/clock.ts'
import type { Found } from '../../lrm/decide/lrm.ts'
import { type Domain, lookAtDomain, lookAtDomains, outgoingMigration } from './domains.ts'
import type { VmMark } from './mark.ts'
import type { HostProcesses } from './qemu-processes.ts'
import type { StartGate } from './start-gate.ts'
import type { Virsh } from './virsh.ts'
import type { VmRecord, VmRecords } from './vm-records.ts'

export type VmHost = {
  owner: { clusterUuid: string; nodeUid: string }
  bootId: string
  clock: Clock
  virsh: Virsh
  processes: HostProcesses
  records: VmRecords
  gate: StartGate
  /** Folder of what was taken over from this host, and of the definitions that were taken away here. */
  taken: string
}

/** A virtual machine of this node, by its mark. */
export type OwnDomain = Domain & { mark: VmMark }

export function markFor(host: VmHost, sid: string, generation: number): VmMark {
  return { ...host.owner, sid, generation, bootId: host.bootId }
}

export function isOwn({ owner }: VmHost, domain: Domain): domain is OwnDomain {
  const { mark } = domain
  return mark?.nodeUid === owner.nodeUid && mark.clusterUuid === owner.clusterUuid
}

/** The service that a domain with a machine is, also one that somebody began without its mark. */
export function serviceOf(host: VmHost, domain: Domain): string | null {
  if (!domain.isActive) return null
  if (isOwn(host, domain)) return domain.mark.sid
  return domain.mark === null ? host.records.sidOf(domain.uuid) : null
}

/** Machines of one service that libvirt knows of. Throws if it cannot be told. */
export async function domainsOf(host: VmHost, sid: string): Promise<Domain[]> {
  const all = await lookAtDomains(host.virsh)
  return all.filter((domain) => serviceOf(host, domain) === sid)
}

/** The machine of a domain; null: it has none. Throws if it cannot be told. */
export async function machineOf(host: VmHost, uuid: string): Promise<Domain | null> {
  const domain = await lookAtDomain(host.virsh, uuid)
  return domain?.isActive ? domain : null
}

export function isMovingAway(host: VmHost, { uuid, name, job }: Domain): boolean {
  return job === outgoingMigration || host.processes.movers(uuid, name).length > 0
}

/** Whether it has come alive here, of one that was to come in. */
export function hasArrived({ state, reason }: Domain): boolean {
  return !(state === 'paused' && reason === 'migrating')
}

/** What a machine counts as. One without a record of this boot goes by what libvirt says. */
export function stateOf(host: VmHost, domain: OwnDomain, record: VmRecord | null): Found['state'] {
  const stage = record?.stage ?? null
  const isPaused = domain.state === 'paused'
  if (stage === 'incoming' && !hasArrived(domain)) return 'incoming'
  if (isMovingAway(host, domain)) return 'migrating'
  if (isPaused && domain.reason === 'migrating') return stage === null ? 'incoming' : 'migrating'
  // Between its creation and its first step it is nobody's machine yet.
  if (isPaused && stage === 'starting') return 'unknown'
  return domain.state === 'crashed' ? 'unknown' : 'running'
}
