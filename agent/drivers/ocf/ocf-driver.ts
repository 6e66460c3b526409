// The `ocf:` and `ocf-group:` drivers: resource agents by the OCF contract, called one action at a time for each service.
// SAFETY: from before a start until a verified stop there is a record on disk; while there is one, nothing here says that
// nothing is left. Resources have no gate of the operating system: this agent is the only one that starts them, and what
// it finds running that it did not start in this boot it reports: of a service that it once had as a doubt to be ended, of
// any other of the cluster as generation 0 (strangers.ts).
import { join } from 'node:path'
import { systemRandom } from '../../../shared/random.ts'
import type { Found } from '../../lrm/decide/lrm.ts'
import { createGate } from '../gate.ts'
import type { Asked, Driver, DriverResult, StartRequest } from '../driver.ts'
import type { HostOptions } from '../host-drivers.ts'
import { replaceFile } from '../../files.ts'
import { markOf } from '../process/members.ts'
import { createActionsLeft } from './actions-left.ts'
import { callAgent } from './agent-call.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { createPlanner } from './plan.ts'
import { createRecords, type Record } from './records.ts'
import { type CallResource, probeAll, startInOrder, stopInReverse } from './sequence.ts'
import { lookForStrangers } from './strangers.ts'
import { type Monitor, watchResources } from './watch.ts'

export type OcfDriverOptions = Pick<
  HostOptions,
  'home' | 'runDirectory' | 'owner' | 'node' | 'bootId' | 'clock' | 'events' | 'log'
> & { ocfRoot?: string }

export const usualOcfRoot = '/usr/lib/ocf'

/** A look at the host waits so long for each resource; what is slower is left to the recurring monitor. */
const surveyPatienceMs = 3_000
/** So long after its boot a host may still be starting what is enabled on it. */
const hostIsUpAfterMs = 600_000

type Starting = { abort: AbortController; done: Promise<DriverResult> }
type Stopping = { hurry(timeoutMs: number): void; done: Promise<DriverResult> }

export function createOcfDriver(type: 'ocf' | 'ocf-group', options: OcfDriverOptions): Driver {
  const { home, owner, node, bootId, clock, events, ocfRoot = usualOcfRoot } = options
  const random = systemRandom()
  const gate = createGate(join(options.runDirectory, 'grants'), type, bootId)
  const notes = join(options.runDirectory, 'ocf-started')
  const records = createRecords(join(home, 'ocf'), notes, type)
  const left = createActionsLeft(join(options.runDirectory, 'ocf'), bootId)
  const monitors = oneAtATime(clock)
  const plan = createPlanner(ocfRoot, node, type === 'ocf-group')
  const starting = new Map<string, Starting>()
  const stopping = new Map<string, Stopping>()
  const watched = new Map<string, () => void>()
  /** What had run and failed: nothing but a stop brings it out of that. */
  const failed = new Set<string>()
  let isDetached = false

  function caller({ sid, generation }: Pick<Record, 'sid' | 'generation'>): CallResource {
    const mark = markOf(owner, sid, generation)
    return (resource, action, { timeoutMs, signal, grant, intervalMs } = {}) => {
      const call = {
        ...{ ocfRoot, resource, action, node, mark },
        timeoutMs: timeoutMs ?? resource.timeouts[action],
        ...(signal && { signal }),
        ...(intervalMs !== undefined && { intervalMs }),
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

  async function start(request: StartRequest): Promise<DriverResult> {
    const { sid } = request
    if (starting.has(sid)) return { outcome: 'error', detail: 'it is being started' }
    const abort = new AbortController()
    const done = startNow(request, abort.signal)
    starting.set(sid, { abort, done })
    return done.finally(() => starting.delete(sid))
  }

  async function startNow(request: StartRequest, signal: AbortSignal): Promise<DriverResult> {
    const { sid, generation } = request
    if (stopping.has(sid)) return { outcome: 'error', detail: 'it is being stopped' }
    if (!request.mayStart()) return { outcome: 'error', detail: 'later than the lease allows' }
    const planned = await plan.toStart(sid, request.spec)
    if ('outcome' in planned) return planned
    if (records.read(sid)?.bootId === bootId)
      return { outcome: 'error', detail: 'what was started before is not ended' }
    const { resources } = planned
    const record: Record = { sid, generation, bootId, phase: 'starting', resources }
    await records.write(record)
    const result = await startInOrder(resources, caller(record), {
      mayStart: () => request.mayStart() && !stopping.has(sid),
      signal,
      openGate() {
        // A word of its own for each start: a launcher that comes late cannot pass by a later one's grant.
        const grant = `${generation} ${bootId} ${random.uuid()}`
        replaceFile(gate.path(sid), `${grant}\n`)
        return grant
      },
      closeGate: () => gate.close(sid),
    })
    if (result.outcome !== 'ok') return result
    left.forget(sid)
    records.noteStarted(record)
    if (!signal.aborted) watch(record)
    return result
  }

  function stop(sid: string, timeoutMs: number): Promise<DriverResult> {
    gate.close(sid)
    const running = stopping.get(sid)
    if (running) {
      running.hurry(timeoutMs)
      return running.done
    }
    unwatch(sid)
    const begun = starting.get(sid)
    const timers: NodeJS.Timeout[] = []
    // What is under way may end by itself until then; the stop of a resource has its own time, for a stop that is
    // killed has ended nothing.
    const hurry = (ms: number) => void timers.push(setTimeout(() => begun?.abort.abort(), ms))
    hurry(timeoutMs)
    const done = stopNow(sid, begun).finally(() => {
      for (const timer of timers) clearTimeout(timer)
      stopping.delete(sid)
    })
    stopping.set(sid, { hurry, done })
    return done
  }

  async function stopNow(sid: string, begun: Starting | undefined): Promise<DriverResult> {
    await begun?.done.catch(() => {})
    const record = records.read(sid)
    if (!(await left.end(sid)))
      return {
        outcome: 'timeout',
        detail: 'an action that was begun before is not gone after SIGKILL',
      }
    if (record) {
      const isDoubtful = record.phase === 'starting' || record.bootId !== bootId
      const result = await stopInReverse(record.resources, caller(record), isDoubtful)
      if (result.outcome !== 'ok') return result
      // What a start that was cut short had left on its way could still begin.
      const isQuiet =
        record.phase === 'started' || (await left.endMarked(markOf(owner, sid, record.generation)))
      const seen = isDoubtful ? await probeAll(record.resources, caller(record)) : 'stopped'
      if (!isQuiet || seen !== 'stopped')
        return { outcome: 'error', detail: 'what a start that was cut short began is still there' }
    }
    left.forget(sid)
    if (record) forget(record)
    failed.delete(sid)
    return { outcome: 'ok', detail: '' }
  }

  /** What is enabled on this host may come up after the agent, or again (S8): it is looked for as long as that may be. */
  function forget({ sid, bootId: ofBoot }: Record): void {
    const isOver = ofBoot === bootId || clock.bootMs() > hostIsUpAfterMs
    // It may have been started anew while its monitor was asked.
    if (isOver && records.read(sid)?.bootId === ofBoot) records.remove(sid)
  }

  const isInHand = (sid: string) => starting.has(sid) || stopping.has(sid)
  const strangers = lookForStrangers({
    ...{ bootId, records, caller, isInHand, plan: plan.toAsk, patienceMs: surveyPatienceMs },
    isComingUp: () => clock.bootMs() <= hostIsUpAfterMs,
  })

  async function survey(
    asked: readonly Asked[] = [],
    known: readonly Asked[] = [],
  ): Promise<Found[]> {
    const doubts = await strangers(asked, known)
    const found = await Promise.all(records.sids().map(surveyOne))
    return [...found.flatMap((one) => one ?? []), ...doubts]
  }

  async function surveyOne(sid: string): Promise<Found | null> {
    const record = readOrNull(sid)
    if (record === undefined) return { sid, generation: 0, state: 'unknown' }
    if (record === null) return null
    const { generation } = record
    const answer = (state: Found['state']) => ({ sid, generation, state })
    if (isInHand(sid)) return answer('unknown')
    if (watched.has(sid)) return answer('running')
    if (failed.has(sid) || left.pids(sid).length > 0) return answer('unknown')
    const seen = await probeAll(record.resources, caller(record), surveyPatienceMs)
    if (isInHand(sid)) return answer('unknown')
    if (record.bootId !== bootId) {
      if (seen !== 'stopped') return answer('unknown')
      forget(record)
      return null
    }
    // One that was begun and seen running, and does not answer just now, is left to its monitor.
    const mayRun = seen === 'running' || (seen === 'silent' && record.phase === 'started')
    if (!mayRun || isDetached) return answer('unknown')
    if (record.phase === 'starting') records.noteStarted(record)
    watch(record)
    return answer('running')
  }

  /** undefined: it is there, and cannot be read. */
  function readOrNull(sid: string): Record | null | undefined {
    try {
      return records.read(sid)
    } catch (error) {
      options.log('error', 'the record of a service cannot be read', {
        sid,
        why: (error as Error).message,
      })
      return undefined
    }
  }

  function detach(): void {
    isDetached = true
    for (const sid of watched.keys()) unwatch(sid)
  }

  return { type, survey, prepare: () => {}, start, stop, detach }
}
