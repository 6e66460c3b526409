// Making room for a virtual machine on this host: a definition of it that somebody left here is taken away, because what is
// defined can be started by others. Its storage stays, and what of its state libvirt would throw away is kept or refused.
import { setTimeout as pause } from 'node:timers/promises'
import type { DomainXml } from '../../../shared/specs/domain-xml.ts'
import { lookAtDomains } from './domains.ts'
import { undefine } from './vm-definitions.ts'
import type { VmHost } from './vm-host.ts'

/** How long libvirt may take to clear away a machine whose process has ended. */
const clearedWithinMs = 10_000

/** Why it cannot be made here, as one sentence; null: there is room. Throws if it cannot be told. */
export async function makeRoom(
  host: VmHost,
  domain: DomainXml,
  untilMs = host.clock.bootMs() + clearedWithinMs,
): Promise<string | null> {
  const { name, uuid } = domain
  for (const one of await lookAtDomains(host.virsh)) {
    if (one.name !== name && one.uuid !== uuid) continue
    if (one.name !== name) return `a domain named ${one.name} has its uuid here`
    if (one.uuid !== uuid) return `another domain named ${name}, with uuid ${one.uuid}, is here`
    if (one.isActive) {
      const isDead = host.processes.machines([uuid]).length === 0
      if (!isDead || host.clock.bootMs() > untilMs) return `it is ${one.state} here already`
      await pause(100)
      return makeRoom(host, domain, untilMs)
    }
    const why = await undefine(host, one)
    if (why !== null) return `its definition here could not be removed: ${why}`
  }
  return null
}
