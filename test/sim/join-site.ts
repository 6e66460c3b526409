// How a machine that is new to a site joins it: with the agent's own code.
import { type AgentParts, nodeFacts } from '../../agent/agent.ts'
import { joinCluster } from '../../agent/join.ts'
import { profiles } from '../../shared/timing.ts'
import type { MachineOptions } from './machine-parts.ts'
import type { Process } from './process.ts'

type Parts = Pick<AgentParts, 'watchdog' | 'outside' | 'boot' | 'client' | 'log'>

export function joinSite(options: MachineOptions, parts: Parts, { timers }: Process) {
  const { joinToken, drivers, chance, name: node, replicas } = options
  const { boot, client, log } = parts
  const { hardwareId, bootId } = boot
  const facts = nodeFacts(boot, parts, drivers, profiles.default)
  const urls = replicas.map((replica) => replica.url)
  const deps = { client, urls, random: chance, timers, log }
  return joinCluster({ joinToken, node, hardwareId, bootId, ...facts }, deps)
}
