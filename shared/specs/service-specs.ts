// What `spec` must be, by the type of the service, and what it says beyond its driver.
import type { z } from 'zod'
import { type ServiceType, serviceType } from '../names.ts'
import { ContainerSpec, PodmanSpec } from './container.ts'
import { OcfGroupSpec, OcfSpec } from './ocf.ts'
import { ProcessSpec } from './process.ts'
import { SystemdSpec } from './systemd.ts'
import { readDomainXml } from './domain-xml.ts'
import { VmSpec } from './vm.ts'

export const serviceSpecs: Record<ServiceType, z.ZodType<Record<string, unknown>>> = {
  process: ProcessSpec,
  vm: VmSpec,
  ct: ContainerSpec,
  podman: PodmanSpec,
  systemd: SystemdSpec,
  ocf: OcfSpec,
  'ocf-group': OcfGroupSpec,
}

/**
 * By what a host can tell a service that bears no mark, because somebody else has started it there.
 * @returns undefined where nothing tells it
 */
export function tellingOf(sid: string, spec: unknown): unknown {
  if (serviceType(sid) === 'systemd') return spec
  if (serviceType(sid) !== 'vm') return undefined
  const parsed = VmSpec.safeParse(spec)
  const read = parsed.success ? readDomainXml(parsed.data.xml) : null
  return read && 'domain' in read ? { name: read.domain.name, uuid: read.domain.uuid } : undefined
}

/**
 * Whether a service of this kind can move to another node while it runs. Its driver may still say no.
 * @param isCommanded the move is an operator's word, not a consequence of placement
 */
export function movesLive(sid: string, spec: unknown, isCommanded = false): boolean {
  const type = serviceType(sid)
  if (type === 'vm') return true
  if (type !== 'ocf') return false
  if (typeof spec !== 'object' || spec === null || !('live' in spec)) return false
  return spec.live === true || (isCommanded && spec.live === 'commanded')
}
