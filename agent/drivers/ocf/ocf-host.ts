// What every verb of the driver needs of its host: records, agents called under a service's mark, one gate per service, and
// the watch over what runs. Decides nothing.
import { join } from 'node:path'
import { systemRandom } from '../../../shared/random.ts'
import type { ServiceType } from '../../../shared/names.ts'
import { replaceFile } from '../../files.ts'
import { createGate } from '../gate.ts'
import type { HostOptions } from '../host-drivers.ts'
import { markOf } from '../process/members.ts'
import { type ActionsLeft, createActionsLeft } from './actions-left.ts'
import { callAgent } from './agent-call.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { createPlanner, type Planner } from './plan.ts'
import { createRecords, type Record, type Records } from './records.ts'
import type { CallResource, Permission } from './sequence.ts'
import { type Monitor, watchResources } from './watch.ts'

export type OcfDriverOptions = Pick<
  HostOptions,
  'home' | 'runDirectory' | 'owner' | 'node' | 'bootId' | 'clock' | 'events' | 'log'
> & { ocfRoot?: string }

export const usualOcfRoot = '/usr/lib/ocf'

export type Marked = Pick<Record, 'sid' | 'generation'>

export type OcfHost = {
  /** This node's name. */
  node: string
  bootId: string
  records: Records
  left: ActionsLeft
  plan: Planner
  caller: (marked: Marked) => CallResource
  /** Kills whatever a start, or a move, of this service has left on its way. */
  endMarked(marked: Marked): Promise<boolean>
  /** The same of a move away alone: what runs here stays. */
  endMovers(marked: Marked): Promise<boolean>
  /** The gate for one action after the other, each with a word of its own. */
  gateFor(marked: Marked): Pick<Permission, 'openGate' | 'closeGate'>
  closeGate(sid: string): void
  watch(record: Record): void
  unwatch(sid: string): void
  isWatched(sid: string): boolean
  /** What had run and failed: nothing but a stop brings it out of that. */
  failed: Set<string>
  isDetached(): boolean
  detach(): void
}

export function createOcfHost(type: ServiceType, options: OcfDriverOptions): OcfHost {
  const { home, owner, node, bootId, clock, events, ocfRoot = usualOcfRoot } = options
  const random = systemRandom()
  const gate = createGate(join(options.runDirectory, 'grants'), type, bootId)
  const notes = join(options.runDirectory, 'ocf-started')
  const records = createRecords(join(home, 'ocf'), notes, type)
  const left = createActionsLeft(join(options.runDirectory, 'ocf'), bootId)
  const monitors = oneAtATime(clock)
  const watched = new Map<string, () => void>()
  const failed = new Set<string>()
  let isDetached = false

  const mark = ({ sid, generation }: Marked) => markOf(owner, sid, generation)
  // Told apart from what runs: that is not to be killed with a move that is cut short.
  const moverMark = (marked: Marked) => `${mark(marked)}/migrate_to`

  function caller(marked: Marked): CallResource {
    const { sid } = marked
    return (resource, action, { timeoutMs, signal, grant, intervalMs, meta } = {}) => {
      const call = {
        ...{ ocfRoot, resource, action, node },
        mark: action === 'migrate_to' ? moverMark(marked) : mark(marked),
        timeoutMs: timeoutMs ?? resource.timeouts[action],
        ...(signal && { signal }),
        ...(intervalMs !== undefined && { intervalMs }),
        ...(meta && { meta }),
      }
      if (action === 'monitor')
        return monitors(`${sid} ${resource.name}`, call.timeoutMs, (onGone) =>
          callAgent({ ...call, onGone }),
        )
      const runFile = left.runFile(sid, random.uuid())
      const launch = { gate: gate.path(sid), grant: grant ?? null, bootId, runFile }
      return callAgent({ ...call, launch })
    }
  }

  function watch(record: Record): void {
    const { sid, generation, resources } = record
    unwatch(sid)
    if (isDetached) return
    const call = caller(record)
    const monitor: Monitor = (resource, intervalMs, signal) =>
      call(resource, 'monitor', { intervalMs, signal })
    const stop = watchResources(resources, monitor, (detail) => {
      watched.delete(sid)
      failed.add(sid)
      events.exited(sid, generation, detail)
    })
    watched.set(sid, stop)
  }

  function unwatch(sid: string): void {
    watched.get(sid)?.()
    watched.delete(sid)
  }

  return {
    ...{ node, bootId, records, left, caller, watch, unwatch, failed },
    plan: createPlanner(ocfRoot, node, type === 'ocf-group'),
    endMarked: async (marked) =>
      (await left.endMarked(mark(marked))) && (await left.endMarked(moverMark(marked))),
    endMovers: (marked) => left.endMarked(moverMark(marked)),
    gateFor: ({ sid, generation }) => ({
      openGate() {
        // A word of its own for each action: a launcher that comes late cannot pass by a later one's grant.
        const grant = `${generation} ${bootId} ${random.uuid()}`
        replaceFile(gate.path(sid), `${grant}\n`)
        return grant
      },
      closeGate: () => gate.close(sid),
    }),
    closeGate: (sid) => gate.close(sid),
    isWatched: (sid) => watched.has(sid),
    isDetached: () => isDetached,
    detach() {
      isDetached = true
      for (const sid of watched.keys()) unwatch(sid)
    },
  }
}
