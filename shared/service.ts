// The words for services, shared by both sides. Edges between states live in control-plane/cluster/legal-edges.ts.
import { z } from 'zod'
import { type ServiceType, serviceType } from './names.ts'
import { text } from './text.ts'

/** What the operator wants. `enabled` is accepted as an alias of `started` at the door and never stored. */
export const requestedStates = ['started', 'stopped', 'disabled', 'ignored'] as const
export type RequestedState = (typeof requestedStates)[number]

/** Where the CRM's state machine is for a service; sentences for the documentation and the status page. */
export const serviceStates = {
  stopped: 'stopped, and confirmed so by the agent',
  request_stop: 'should stop, waiting for the agent to confirm it',
  request_start: 'about to be started; the node may still change',
  request_start_balance: 'being moved, not running, to the node chosen for its start',
  started: 'should run; the agent starts it if it does not',
  fence: 'its node is lost; waiting for evidence that the node is dead',
  recovery: 'its node is proved dead; looking for another',
  freeze: 'left alone while the agent of its node restarts or the cluster is disarmed',
  migrate: 'moving live to another node',
  relocate: 'being stopped here to be started on another node',
  error: 'left alone after failures; disable it, repair it, enable it',
} as const
export type ServiceState = keyof typeof serviceStates

/** States an agent's order may carry: those in which the agent acts or must hold still. */
export const orderStates = [
  'started',
  'request_stop',
  'stopped',
  'relocate',
  'migrate',
  'request_start_balance',
  'freeze',
  'error',
] as const
export type OrderState = (typeof orderStates)[number]

const argument = text(4096)

/** How to run a `process:` service. No shell: `command[0]` is executed with the rest as arguments. */
export const ProcessSpec = z.strictObject({
  command: z.array(argument).min(1, { error: 'command must name a program to run' }).max(256),
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), argument).default({}),
  directory: text(4096).startsWith('/', { error: 'directory must be an absolute path' }).optional(),
})
export type ProcessSpec = z.infer<typeof ProcessSpec>

/** Where there is nothing to say beyond the id. */
const EmptySpec = z.strictObject({})

/** Of an agent that can migrate: whether its services move while they run; `commanded`: only at an operator's word. */
const LiveSpec = z.strictObject({
  live: z.union([z.boolean(), z.literal('commanded')]).default(false),
})

/** What `spec` must be, by the type of the service. */
export const serviceSpecs: Record<ServiceType, z.ZodType<Record<string, unknown>>> = {
  process: ProcessSpec,
  vm: EmptySpec,
  ct: EmptySpec,
  podman: EmptySpec,
  systemd: EmptySpec,
  ocf: LiveSpec,
  'ocf-group': LiveSpec,
}

/**
 * Whether a service of this kind can move to another node while it runs. Its driver may still say no.
 * @param isCommanded the move is an operator's word, not a consequence of placement
 */
export function movesLive(sid: string, spec: unknown, isCommanded = false): boolean {
  const type = serviceType(sid)
  if (type === 'vm') return true
  if (type !== 'ocf' && type !== 'ocf-group') return false
  if (typeof spec !== 'object' || spec === null || !('live' in spec)) return false
  return spec.live === true || (isCommanded && spec.live === 'commanded')
}
