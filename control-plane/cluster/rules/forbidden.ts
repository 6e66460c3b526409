// Which rule forbids a node to a service, whoever is online (D6): asked at the door and again when a command's turn comes.
// Pure lookups over compiled rules.
import { staysOn } from '../occupancy.ts'
import type { ServiceLookup } from '../service-table.ts'
import type { NodeName, Sid } from '../view.ts'
import type { CompiledRules } from './compile.ts'
import { ruleTitle } from './reasons.ts'

export type Forbidden = {
  /** Ids of the rules as written; `ha-group-…` is a group. */
  rules: readonly string[]
  /** The service that is in the way, or null. */
  peer: Sid | null
  sentence: string
}

/** Why `sid` may not be moved to `node`, or null. A peer that leaves the node is not in the way, one on its way to it is. */
export function whyForbidden(
  { nodeAffinity, apart }: CompiledRules,
  services: ServiceLookup,
  sid: Sid,
  node: NodeName,
): Forbidden | null {
  const affinity = nodeAffinity.get(sid)
  if (affinity && !affinity.priorities.has(node)) {
    const named = [...affinity.priorities.keys()].join(', ')
    const sentence = `${ruleTitle(affinity.rule)} restricts ${sid} to ${named}: ${node} is not among them`
    return { rules: [affinity.rule], peer: null, sentence }
  }
  for (const { sid: peer, from } of apart.get(sid) ?? []) {
    const service = services.get(peer)
    if (!service || !staysOn(service, node)) continue
    const where = service.status?.target === node ? 'is on its way to' : 'is on'
    const told = from.map(ruleTitle).join(' and ')
    return {
      rules: from,
      peer,
      sentence: `${told} ${from.length > 1 ? 'keep' : 'keeps'} ${sid} and ${peer} apart, and ${peer} ${where} ${node}`,
    }
  }
  return null
}
