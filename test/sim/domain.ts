// The definition of a simulated virtual machine: the plane accepts a machine with its XML only, and in a world nothing of
// it is read.
import { createHash } from 'node:crypto'

/** The spec as given; for a machine without XML, with that of a domain of its own. */
export function withDomain(sid: string, spec: unknown): unknown {
  if (!sid.startsWith('vm:')) return spec
  const given = typeof spec === 'object' && spec !== null ? spec : {}
  return { xml: domainOf(sid.slice('vm:'.length)), ...given }
}

function domainOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  const uuid = hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return `<domain type="kvm"><name>${name}</name><uuid>${uuid}</uuid></domain>`
}
