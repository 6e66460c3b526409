// Other names for everything in a view that people or machines named: n1, vm:1, g1, r1. In the same order as the true
// ones, because ties are broken by name, and so of one length each. Pure.
import { compareText } from '../../cluster/grants.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { serviceType } from '../../../shared/names.ts'

type Rename = (name: string) => string

export type Names = {
  node: Rename
  service: Rename
  group: Rename
  rule: Rename
  /** Tokens of commands, which somebody may have chosen. */
  command: Rename
}

/** Names for all that `view` speaks of, also where it speaks of what is no more. */
export function otherNames(view: ClusterView): Names {
  const nodes = new Set(Object.keys(view.nodes))
  const sids = new Set(Object.keys(view.services))
  const groups = new Set(Object.keys(view.groups))
  for (const { config, status } of Object.values(view.services)) {
    if (config?.group) groups.add(config.group)
    const places = [config?.node, config?.adoptedFrom]
    for (const node of [...places, status?.node, status?.target, status?.fallbackNode])
      if (node) nodes.add(node)
    for (const node of status?.failedNodes ?? []) nodes.add(node)
  }
  for (const group of Object.values(view.groups)) for (const node in group.nodes) nodes.add(node)
  for (const rule of view.rules) {
    for (const sid of rule.resources) sids.add(sid)
    if (rule.type === 'node-affinity') for (const node in rule.nodes) nodes.add(node)
  }
  for (const { report, epochRequest, challenge } of Object.values(view.nodes)) {
    for (const one of [...(report?.running ?? []), ...(report?.closed ?? [])]) sids.add(one.sid)
    for (const one of [...(report?.results ?? []), ...(epochRequest?.found ?? [])])
      sids.add(one.sid)
    for (const one of challenge?.questions ?? []) sids.add(one.sid)
  }
  for (const { sid, node } of view.commands) {
    sids.add(sid)
    if (node !== null) nodes.add(node)
  }
  for (const { node } of view.clusterCommands) if (node !== null) nodes.add(node)
  const types = [...new Set([...sids].map(serviceType))]
  const services = types.flatMap((type) => [
    ...numbered(
      [...sids].filter((sid) => serviceType(sid) === type),
      `${type}:`,
    ),
  ])
  return {
    node: lookUp(numbered(nodes, 'n')),
    service: lookUp(new Map(services)),
    group: lookUp(numbered(groups, 'g')),
    command: lookUp(numbered(commandsOf(view), 'c')),
    rule: lookUp(numbered(new Set(view.rules.map(({ id }) => id)), 'r')),
  }
}

/** Unfinished ones, and those that services still name. */
function commandsOf({ commands, clusterCommands, services }: ClusterView): Set<string> {
  const uids = new Set([...commands, ...clusterCommands].map(({ uid }) => uid))
  for (const { status } of Object.values(services)) if (status?.command) uids.add(status.command)
  return uids
}

/** Numbers of as many digits as the last one needs: their order as texts is that of the true names. */
function numbered(names: Iterable<string>, prefix: string): Map<string, string> {
  const sorted = [...names].sort(compareText)
  const digits = String(sorted.length).length
  return new Map(sorted.map((name, at) => [name, prefix + String(at + 1).padStart(digits, '0')]))
}

/** A name that was overlooked must not get out under its own. */
function lookUp(names: ReadonlyMap<string, string>): Rename {
  return (name) => names.get(name) ?? 'unnamed'
}
