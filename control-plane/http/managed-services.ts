// What a node is told of the services it is to keep start gates for. Made once for each cluster and digest, since every
// node asks for it as soon as it changes, and in steps: a thousand domain descriptions take their while.
import { setImmediate } from 'node:timers/promises'
import { serviceType } from '../../shared/names.ts'
import { type ManagedServices, noManaged } from '../../shared/protocol.ts'
import { tellingOf } from '../../shared/specs/service-specs.ts'
import type { AgentStore } from '../store/agent-store.ts'
import type { KnownNode } from '../store/nodes.ts'
import { digestOfParts, managedPart, specDigest } from '../store/view/managed-digest.ts'

/** Lets others have a turn while a long list is made. */
export type Breathe = () => Promise<unknown>

export type ManagedReader = (node: KnownNode) => Promise<ManagedServices>

/** Clusters whose list is kept; the others are read again. */
const mostKept = 200
const atOnce = 50

export function managedReader(
  store: Pick<AgentStore, 'readManaged'>,
  breathe: Breathe = setImmediate,
): ManagedReader {
  const kept = new Map<number, ManagedServices>()
  /** One after the other in each cluster: whoever comes second finds what the first has read. */
  const turns = new Map<number, Promise<unknown>>()

  async function read({ clusterId, nodeUid }: KnownNode): Promise<ManagedServices> {
    const known = kept.get(clusterId) ?? null
    const stored = await store.readManaged(nodeUid, known?.digest ?? null)
    if (stored === null) return { digest: noManaged, services: [] }
    const { drivers, services } = stored
    const all = services === null ? known! : await told(services, breathe)
    kept.delete(clusterId)
    kept.set(clusterId, all)
    if (kept.size > mostKept) kept.delete([...kept.keys()][0]!)
    const own = all.services.filter(({ sid }) => drivers.includes(serviceType(sid)))
    return { digest: all.digest || noManaged, services: own }
  }

  return async (node) => {
    const before = turns.get(node.clusterId) ?? Promise.resolve()
    const turn = before.then(() => read(node))
    const settled = turn.catch(() => undefined)
    turns.set(node.clusterId, settled)
    void settled.then(() => {
      if (turns.get(node.clusterId) === settled) turns.delete(node.clusterId)
    })
    return await turn
  }
}

/**
 * Those that a host can tell, by what it can. SAFETY: the digest is of what was read. The one that stands with the orders may be of
 * specifications before or after these, and nodes would keep gates for the wrong ones where it comes to stand there again.
 */
async function told(
  services: readonly { sid: string; spec: unknown }[],
  breathe: Breathe,
): Promise<ManagedServices> {
  const list: ManagedServices['services'] = []
  const parts: string[] = []
  for (const [index, { sid, spec }] of services.entries()) {
    if (index % atOnce === atOnce - 1) await breathe()
    parts.push(managedPart(sid, specDigest(spec)))
    const telling = tellingOf(sid, spec)
    if (telling !== undefined) list.push({ sid, spec: telling })
  }
  return { digest: digestOfParts(parts), services: list }
}
