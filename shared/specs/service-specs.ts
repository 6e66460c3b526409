// What `spec` must be, by the type of the service, and what it says beyond its driver.
import type { z } from 'zod'
import { type ServiceType, serviceType } from '../names.ts'
import { ContainerSpec, PodmanSpec } from './container.ts'
import { OcfGroupSpec, OcfSpec } from './ocf.ts'
import { ProcessSpec } from './process.ts'
import { SystemdSpec } from './systemd.ts'
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

/** Kinds that a host can tell by their specification alone: also what somebody else has started there is found. */
export const knownBySpec: readonly ServiceType[] = ['systemd']

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
