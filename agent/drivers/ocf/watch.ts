// Watching a running service through the recurring monitors of its resources: OCF has no events. A crash is noticed
// within the interval, and the time that the monitor itself takes.
import type { CommandResult } from '../run-command.ts'
import { reasonOf } from './agent-call.ts'
import { meaningOf, monitoredBy } from './exit-codes.ts'
import type { Resource } from './resource.ts'

export type Monitor = (
  resource: Resource,
  intervalMs: number,
  signal: AbortSignal,
) => Promise<CommandResult>

/** @returns how to stop watching; a monitor that is under way is killed then */
export function watchResources(
  resources: readonly Resource[],
  monitor: Monitor,
  failed: (detail: string) => void,
): () => void {
  const timers = new Set<NodeJS.Timeout>()
  const over = new AbortController()
  const stop = () => {
    over.abort()
    for (const timer of timers) clearTimeout(timer)
    timers.clear()
  }

  function wait(resource: Resource): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      void look(resource)
    }, resource.monitorEveryMs).unref()
    timers.add(timer)
  }

  async function look(resource: Resource): Promise<void> {
    const result = await monitor(resource, resource.monitorEveryMs, over.signal)
    if (over.signal.aborted) return
    const fault = faultOf(result)
    if (fault === null) return wait(resource)
    stop()
    failed(resources.length > 1 ? `${resource.name}: ${fault}` : fault)
  }

  for (const resource of resources) wait(resource)
  return stop
}

/** null: it runs, or the host could not even ask. */
function faultOf(result: CommandResult): string | null {
  const { code, isTimeout } = result
  if (isTimeout) return 'its monitor did not answer in time'
  if (code === null || monitoredBy(code) === 'running') return null
  return sentence('its monitor', code, result)
}

/** `its monitor: it is not running (exit code 7): no process state file found` */
export function sentence(what: string, code: number, result: CommandResult): string {
  const reason = reasonOf(result)
  return `${what}: ${meaningOf(code)}${reason && `: ${reason}`}`
}
