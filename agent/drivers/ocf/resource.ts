// One resource as its agent is to run it: the program, the parameters, and how long each action may take. Settled at its
// start from specification and meta-data, and kept as it was then until it has been stopped.
import { join } from 'node:path'
import { z } from 'zod'
import type { OcfMember } from '../../../shared/specs/ocf.ts'
import type { MetaData } from './meta-data.ts'

const ms = z.number().int().min(0)

export const Resource = z.strictObject({
  /** What the agent is told it is called. */
  name: z.string(),
  provider: z.string(),
  type: z.string(),
  parameters: z.record(z.string(), z.string()),
  timeouts: z.strictObject({
    start: ms,
    stop: ms,
    monitor: ms,
    migrate_to: ms,
    migrate_from: ms,
  }),
  monitorEveryMs: ms,
})
export type Resource = z.infer<typeof Resource>

export type ResourceAction = keyof Resource['timeouts']

/** Where neither specification nor agent says anything. */
const usualTimeoutMs = 20_000
const usualIntervalMs = 10_000

export function programOf(
  ocfRoot: string,
  { provider, type }: Pick<Resource, 'provider' | 'type'>,
) {
  return join(ocfRoot, 'resource.d', provider, type)
}

export function kindOf(agent: string): { provider: string; type: string } {
  const [, provider = '', type = ''] = agent.split(':')
  return { provider, type }
}

export function settleResource(member: OcfMember, meta: MetaData): Resource {
  const { name, parameters, operations } = member
  const advised = (action: string) => meta.actions.find((one) => one.name === action)
  const timeout = (action: ResourceAction) =>
    operations[action]?.timeoutMs ?? advised(action)?.timeoutMs ?? usualTimeoutMs
  const { monitor } = operations
  return {
    ...{ name, ...kindOf(member.agent), parameters },
    timeouts: {
      start: timeout('start'),
      stop: timeout('stop'),
      monitor: timeout('monitor'),
      migrate_to: timeout('migrate_to'),
      migrate_from: timeout('migrate_from'),
    },
    // An interval of 0 would mean: only when asked.
    monitorEveryMs: monitor?.intervalMs ?? (advised('monitor')?.intervalMs || usualIntervalMs),
  }
}
