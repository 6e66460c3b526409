// The resources of one service, started in order and stopped in reverse. One resource is a group of one.
import type { CommandResult } from '../run-command.ts'
import type { DriverResult } from '../driver.ts'
import type { Action } from './agent-call.ts'
import { gateClosedCode, reasonOf } from './agent-call.ts'
import { type Monitored, monitoredBy, notInstalledCode, outcomeOf } from './exit-codes.ts'
import type { Resource, ResourceAction } from './resource.ts'
import { sentence } from './watch.ts'

export type CallOptions = {
  timeoutMs?: number
  signal?: AbortSignal
  grant?: string
  /** Of a recurring monitor. */
  intervalMs?: number
  /** More words to the agent. */
  meta?: Record<string, string>
}

/** Runs one action of a resource; without an interval a monitor is a probe. */
export type CallResource = (
  resource: Resource,
  action: Exclude<Action, 'meta-data'>,
  options?: CallOptions,
) => Promise<CommandResult>

export type Permission = {
  /** Asked in the same breath as each start. */
  mayStart(): boolean
  /** Opens the gate for one action; what is given back is what the action must find there. */
  openGate(): string
  closeGate(): void
  /** Aborted: what is under way is killed, and nothing more is begun. */
  signal: AbortSignal
}

const ok: DriverResult = { outcome: 'ok', detail: '' }

/** Starts one after the other, each seen running before the next. Ends at the first that fails; nothing is undone. */
export async function startInOrder(
  resources: readonly Resource[],
  call: CallResource,
  permission: Permission,
): Promise<DriverResult> {
  for (const resource of resources) {
    const result = await startOne(resource, call, permission)
    if (result.outcome !== 'ok') return named(resource, resources, result)
  }
  return ok
}

async function startOne(
  resource: Resource,
  call: CallResource,
  permission: Permission,
): Promise<DriverResult> {
  // Something else on this host may have started it (S8): what runs without a grant is ended, never adopted.
  if ((await probe(resource, call)) !== 'stopped') {
    const result = await stopOne(resource, call, true)
    if (result.outcome !== 'ok')
      return { ...result, detail: `it was there before its start, and ${result.detail}` }
  }
  const { signal } = permission
  if (signal.aborted) return { outcome: 'error', detail: 'it is being stopped' }
  if (!permission.mayStart()) return { outcome: 'error', detail: 'later than the lease allows' }
  const grant = permission.openGate()
  const started = await call(resource, 'start', { signal, grant }).finally(() =>
    permission.closeGate(),
  )
  const failure = failureOf('start', resource, started)
  if (failure) return failure
  if ((await probe(resource, call)) === 'running') return ok
  return {
    outcome: 'error',
    detail: 'its start succeeded, but its monitor says that it does not run',
  }
}

/**
 * Stops one after the other, from the last to the first, each seen stopped before the next: what is mounted is in use
 * until its user has gone. Ends at the first that does not stop.
 * @param isDoubtful a start may have been cut short: also what seems not to run is told to stop
 */
export async function stopInReverse(
  resources: readonly Resource[],
  call: CallResource,
  isDoubtful: boolean,
): Promise<DriverResult> {
  for (const resource of resources.toReversed()) {
    const { code } = await call(resource, 'monitor')
    // What has run lives on when its software is taken from the host: only a stop is believed then.
    const isStopped = monitoredBy(code) === 'stopped' && (isDoubtful || code !== notInstalledCode)
    if (isStopped && !isDoubtful) continue
    const result = await stopOne(resource, call, !isStopped)
    if (result.outcome !== 'ok') return named(resource, resources, result)
  }
  return ok
}

/** @param isSeen it seems to run; otherwise an agent that cannot even stop it here is no doubt */
export async function stopOne(
  resource: Resource,
  call: CallResource,
  isSeen: boolean,
): Promise<DriverResult> {
  const stopped = await call(resource, 'stop')
  const failure = failureOf('stop', resource, stopped)
  if (failure && (isSeen || stopped.isTimeout)) return failure
  const after = await probe(resource, call)
  if (after === 'stopped') return ok
  return { outcome: 'error', detail: `its stop succeeded, but its monitor says: ${after}` }
}

/** `silent`: those that answered run, and some did not answer in time. */
export type Together = Monitored | 'silent'

/** Whether all, none or some of them run. A look that takes longer than `patienceMs` is given up. */
export async function probeAll(
  resources: readonly Resource[],
  call: CallResource,
  patienceMs = Number.POSITIVE_INFINITY,
): Promise<Together> {
  const seen = new Set(await probeEach(resources, call, patienceMs))
  const [first = 'unknown'] = seen
  if (seen.size === 1) return first
  return seen.has('stopped') || seen.has('unknown') ? 'unknown' : 'silent'
}

/** What each of them says, in their order. */
export function probeEach(
  resources: readonly Resource[],
  call: CallResource,
  patienceMs: number,
): Promise<Together[]> {
  return Promise.all(
    resources.map(async (resource): Promise<Together> => {
      const timeoutMs = Math.min(resource.timeouts.monitor, patienceMs)
      const { code, isTimeout } = await call(resource, 'monitor', { timeoutMs })
      return isTimeout ? 'silent' : monitoredBy(code)
    }),
  )
}

export async function probe(resource: Resource, call: CallResource): Promise<Monitored> {
  const { code } = await call(resource, 'monitor')
  return monitoredBy(code)
}

/** @param limitMs what it was given, if not its own timeout */
export function failureOf(
  action: Exclude<ResourceAction, 'monitor'>,
  resource: Resource,
  result: CommandResult,
  limitMs = resource.timeouts[action],
): DriverResult | null {
  const { code, isTimeout } = result
  if (code === 0) return null
  if (isTimeout) {
    const detail = `its ${action} did not end within ${limitMs} ms, and was killed`
    return { outcome: 'timeout', detail }
  }
  if (code === null) {
    const reason = reasonOf(result) || 'killed'
    return { outcome: 'error', detail: `its ${action} was cut short: ${reason}` }
  }
  if (code === gateClosedCode) return { outcome: 'error', detail: 'the gate was closed' }
  return { outcome: outcomeOf(code), detail: sentence(`its ${action}`, code, result) }
}

function named(
  { name }: Resource,
  all: readonly Resource[],
  { outcome, detail }: DriverResult,
): DriverResult {
  return { outcome, detail: all.length > 1 ? `${name}: ${detail}` : detail }
}
