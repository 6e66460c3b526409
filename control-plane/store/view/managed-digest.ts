// One short text for all services that nodes are to keep start gates for, and for what tells them: another one whenever
// that changes. Empty where there are none.
import { hash } from 'node:crypto'
import { isManaged } from '../../cluster/managed.ts'
import type { ClusterView, ServiceView } from '../../cluster/view.ts'

type Config = NonNullable<ServiceView['config']>

/** Specifications are long, and stay the same objects as long as nobody changes them. */
const known = new WeakMap<Config, string>()

export function managedDigest({ services }: Pick<ClusterView, 'services'>): string {
  const parts: string[] = []
  for (const sid in services) {
    const service = services[sid]!
    if (isManaged(service)) parts.push(`${sid} ${digestOf(service.config)}`)
  }
  return parts.length === 0 ? '' : hash('sha1', parts.sort().join('\n'))
}

function digestOf(config: Config): string {
  const seen = known.get(config)
  if (seen !== undefined) return seen
  const digest = hash('sha1', JSON.stringify(config.spec))
  known.set(config, digest)
  return digest
}
