// What `spec` must be, by the type of the service, and what it says beyond its driver.
import type { z } from 'zod'
import { type ServiceType, serviceType } from '../names.ts'
import { ContainerSpec, containerOf, PodmanSpec } from './container.ts'
import { OcfGroupSpec, OcfSpec } from './ocf.ts'
import { ProcessSpec } from './process.ts'
import { SystemdSpec, unitFault } from './systemd.ts'
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

/** What `sid` is to run, with defaults filled in; or what is wrong with it, by the fields of `spec`. */
export function judgeSpec(
  sid: string,
  spec: unknown,
): { spec: Record<string, unknown> } | { issues: z.core.$ZodIssue[] } {
  const type = serviceType(sid)
  const judged = serviceSpecs[type].safeParse(spec)
  if (!judged.success) return { issues: judged.error.issues }
  // A name that says what runs, where the specification does not.
  const fault = type === 'systemd' ? unitFault(sid, judged.data) : null
  if (fault === null) return { spec: judged.data }
  return { issues: [{ code: 'custom', path: ['unit'], message: fault, input: spec }] }
}

/** A command has no identity: of \`process:\` services a host knows only what its agent has started. */
const tellings: Record<ServiceType, ((sid: string, spec: unknown) => unknown) | null> = {
  process: null,
  systemd: (_, spec) => spec,
  vm: (_, spec) => {
    const parsed = VmSpec.safeParse(spec)
    const read = parsed.success ? readDomainXml(parsed.data.xml) : null
    return read && 'domain' in read ? { name: read.domain.name, uuid: read.domain.uuid } : undefined
  },
  ct: (sid, spec) => {
    const parsed = ContainerSpec.safeParse(spec)
    return parsed.success ? { container: containerOf(sid, parsed.data) } : undefined
  },
  podman: (sid) => ({ name: sid.slice(sid.indexOf(':') + 1) }),
  // Only its agent can say whether a resource runs, and asks for all of its parameters.
  ocf: (_, spec) => spec,
  'ocf-group': (_, spec) => spec,
}

/**
 * By what a host can tell a service that bears no mark, because somebody else has started it there.
 * @returns undefined where nothing tells it
 */
export function tellingOf(sid: string, spec: unknown): unknown {
  return tellings[serviceType(sid)]?.(sid, spec)
}

/** Whether a host can tell services of this kind without a mark. */
export function isTold(type: ServiceType): boolean {
  return tellings[type] !== null
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
