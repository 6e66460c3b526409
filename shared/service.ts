// The words for services, shared by both sides. Edges between states live in control-plane/cluster/legal-edges.ts.
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
