// One short text for all services that nodes are to keep start gates for, and for what tells them: another one whenever
// that changes. Empty where there are none. Replicas of two versions must come to the same one: how it is made stays.
import { hash } from 'node:crypto'
import { isManaged } from '../../cluster/managed.ts'
import type { ClusterView, ServiceView } from '../../cluster/view.ts'

/** More are told to nobody: it bounds what a node is told, as all lists on the wire are. */
export const mostManaged = 10_000

type Config = NonNullable<ServiceView['config']>

/** Specifications are long, and stay the same objects as long as nobody changes them. */
const known = new WeakMap<Config, string>()

/** Of the managed services of a view. */
export function managedDigest({ services }: Pick<ClusterView, 'services'>): string {
  const parts: string[] = []
  for (const sid in services) {
    const service = services[sid]!
    if (isManaged(service)) parts.push(managedPart(sid, digestOf(service.config)))
  }
  return digestOfParts(parts)
}

/** What one service adds to the digest: the digest of its specification as the database gives it. */
export function managedPart(sid: string, specDigest: string): string {
  return `${sid} ${specDigest}`
}

export function specDigest(spec: unknown): string {
  return hash('sha1', JSON.stringify(spec))
}

/** Of what `managedPart` gave, in any order; of more than nodes are told, of the first of them. */
export function digestOfParts(parts: readonly string[]): string {
  return parts.length === 0 ? '' : hash('sha1', [...parts].sort().slice(0, mostManaged).join('\n'))
}

function digestOf(config: Config): string {
  const seen = known.get(config)
  if (seen !== undefined) return seen
  const digest = specDigest(config.spec)
  known.set(config, digest)
  return digest
}
