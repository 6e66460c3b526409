// No two services may be the same virtual machine: each would be kept from running twice, and the machine would not. Pure.
import { readDomainXml } from '../../shared/specs/domain-xml.ts'
import { VmSpec } from '../../shared/specs/vm.ts'
import type { ClusterView, Sid } from '../cluster/view.ts'
import { type Refusal, refuse } from './refusal.ts'

/** Refuses a machine, by its uuid or its name, that another service is. */
export function refuseSameMachine(view: ClusterView, sid: Sid, spec: unknown): Refusal | null {
  const domain = domainOf(spec)
  if (domain === null) return null
  // Of thousands few are worth reading.
  const hint = new RegExp(
    `<name>\\s*${domain.name.replaceAll(/[.+]/g, '\\$&')}\\s*<|${domain.uuid}`,
    'i',
  )
  for (const other of Object.values(view.services)) {
    const text = xmlOf(other.config?.spec)
    if (other.sid === sid || text === null || !hint.test(text)) continue
    const known = domainOf({ xml: text })
    const same = known?.uuid === domain.uuid ? 'uuid' : known?.name === domain.name ? 'name' : null
    if (same === null) continue
    const sentence = `service ${other.sid} is the domain with ${same} ${domain[same]} already`
    return refuse('already-exists', sentence, [
      { field: 'spec.xml', message: `domain/${same}: must not be that of another service` },
    ])
  }
  return null
}

function domainOf(spec: unknown): { uuid: string; name: string } | null {
  const parsed = VmSpec.safeParse(spec)
  const read = parsed.success ? readDomainXml(parsed.data.xml) : null
  return read && 'domain' in read ? read.domain : null
}

function xmlOf(spec: unknown): string | null {
  if (typeof spec !== 'object' || spec === null || !('xml' in spec)) return null
  return typeof spec.xml === 'string' ? spec.xml : null
}
