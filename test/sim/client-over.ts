// An agent's client over a simulated link to the replicas of its site.
import { createControlPlaneClient } from '../../agent/control-plane-client.ts'
import { type Exchange, type Link, linkTransport } from './link.ts'
import type { MachineOptions } from './machine-parts.ts'
import type { Process } from './process.ts'

/** @param watch told of each exchange, when it is made and when it is sent */
export function clientOver(
  link: Link,
  { replicas, chance, readsGates }: Pick<MachineOptions, 'replicas' | 'chance' | 'readsGates'>,
  process: Process,
  credential: string | null,
  watch: (exchange: Exchange, isSent: boolean) => void,
) {
  const urls = replicas.map((replica) => replica.url)
  const replicaAt = (origin: string) => replicas.find((replica) => replica.url === origin)!
  const transport = linkTransport(link, process, credential, replicaAt, watch, readsGates)
  return createControlPlaneClient({ urls, credential, random: chance, transport })
}
