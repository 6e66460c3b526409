// The `ocf:` and `ocf-group:` drivers: resource agents by the OCF contract, called one action at a time for each service.
// SAFETY: from before a start until a verified stop there is a record on disk; while there is one, nothing here says that
// nothing is left. Resources have no gate of the operating system: this agent is the only one that starts them, and what
// it finds running that it did not start in this boot it reports: of a service that it once had as a doubt to be ended, of
// any other of the cluster as generation 0 (strangers.ts).
import type { Found } from '../../lrm/decide/lrm.ts'
import type {
  Asked,
  Driver,
  DriverResult,
  MigrateRequest,
  MigrateResult,
  ReceiveRequest,
  ReceiveResult,
  StartRequest,
  TakeUpRequest,
} from '../driver.ts'
import { endResources } from './ending.ts'
import { endMove, openHalf, sendOff, takeUpHalf } from './moves.ts'
import { createOcfHost, type OcfDriverOptions } from './ocf-host.ts'
import type { Record } from './records.ts'
import { probeAll, startInOrder } from './sequence.ts'
import { lookForStrangers } from './strangers.ts'

export { type OcfDriverOptions, usualOcfRoot } from './ocf-host.ts'

/** A look at the host waits so long for each resource; what is slower is left to the recurring monitor. */
const surveyPatienceMs = 3_000
/** So long after its boot a host may still be starting what is enabled on it. */
const hostIsUpAfterMs = 600_000

/** What is under way for a service, one thing at a time; a stop waits for its end. */
type Work = {
  kind: 'start' | 'receive' | 'move'
  generation: number
  abort: AbortController
  done: Promise<unknown>
}
type Stopping = { hurry(timeoutMs: number): void; done: Promise<DriverResult> }

export function createOcfDriver(type: 'ocf' | 'ocf-group', options: OcfDriverOptions): Driver {
  const { bootId, clock } = options
  const host = createOcfHost(type, options)
  const { records, left, caller, failed } = host
  const works = new Map<string, Work>()
  const stopping = new Map<string, Stopping>()
  const busy = { outcome: 'error', detail: 'it is being started, stopped or moved' } as const

  /** Has the service in hand until that is done. */
  async function inHand<T>(
    { sid, generation }: { sid: string; generation: number },
    kind: Work['kind'],
    begin: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const abort = new AbortController()
    const done = begin(abort.signal)
    const work: Work = { kind, generation, abort, done: done.catch(() => {}) }
    works.set(sid, work)
    return done.finally(() => {
      if (works.get(sid) === work) works.delete(sid)
    })
  }

  const isInHand = (sid: string) => works.has(sid) || stopping.has(sid)

  async function start(request: StartRequest): Promise<DriverResult> {
    if (isInHand(request.sid)) return busy
    return inHand(request, 'start', (signal) => startNow(request, signal))
  }

  async function startNow(request: StartRequest, signal: AbortSignal): Promise<DriverResult> {
    const { sid, generation } = request
    if (!request.mayStart()) return { outcome: 'error', detail: 'later than the lease allows' }
    const planned = await host.plan.toStart(sid, request.spec)
    if ('outcome' in planned) return planned
    if (records.read(sid)?.bootId === bootId)
      return { outcome: 'error', detail: 'what was started before is not ended' }
    const { resources } = planned
    const record: Record = { sid, generation, bootId, phase: 'starting', resources }
    await records.write(record)
    const result = await startInOrder(resources, caller(record), {
      ...host.gateFor(record),
      mayStart: () => request.mayStart() && !stopping.has(sid),
      signal,
    })
    if (result.outcome !== 'ok') return result
    left.forget(sid)
    records.note(record, 'started')
    if (!signal.aborted) host.watch(record)
    return result
  }

  function stop(sid: string, timeoutMs: number): Promise<DriverResult> {
    host.closeGate(sid)
    const running = stopping.get(sid)
    if (running) {
      running.hurry(timeoutMs)
      return running.done
    }
    host.unwatch(sid)
    const work = works.get(sid)
    const timers: NodeJS.Timeout[] = []
    // A start that is under way may end by itself until then, and what moves is ended at once; the stop of a resource has
    // its own time, for a stop that is killed has ended nothing.
    const hurry = (ms: number) => void timers.push(setTimeout(() => work?.abort.abort(), ms))
    hurry(work?.kind === 'start' ? timeoutMs : 0)
    const done = stopNow(sid, work).finally(() => {
      for (const timer of timers) clearTimeout(timer)
      stopping.delete(sid)
    })
    stopping.set(sid, { hurry, done })
    return done
  }

  async function stopNow(sid: string, work: Work | undefined): Promise<DriverResult> {
    await work?.done
    host.unwatch(sid)
    const record = records.read(sid)
    const result = await endResources(host, sid)
    if (result.outcome !== 'ok') return result
    if (record) forget(record)
    failed.delete(sid)
    return result
  }

  /** What is enabled on this host may come up after the agent, or again (S8): it is looked for as long as that may be. */
  function forget({ sid, bootId: ofBoot }: Record): void {
    const isOver = ofBoot === bootId || clock.bootMs() > hostIsUpAfterMs
    // It may have been started anew while its monitor was asked.
    if (isOver && records.read(sid)?.bootId === ofBoot) records.remove(sid)
  }

  async function receive(request: ReceiveRequest): Promise<ReceiveResult> {
    if (isInHand(request.sid)) return busy
    return inHand(request, 'receive', (signal) => openHalf(host, request, signal))
  }

  async function takeUp(request: TakeUpRequest): Promise<DriverResult> {
    if (isInHand(request.sid)) return busy
    return inHand(request, 'receive', (signal) => takeUpHalf(host, request, signal))
  }

  async function migrate(request: MigrateRequest): Promise<MigrateResult> {
    if (isInHand(request.sid)) return { ...busy, left: 'unknown' }
    return inHand(request, 'move', (signal) => sendOff(host, request, signal))
  }

  async function cancel(sid: string): Promise<MigrateResult> {
    host.closeGate(sid)
    const work = works.get(sid)
    work?.abort.abort()
    await work?.done
    if (isInHand(sid)) return { ...busy, left: 'unknown' }
    return inHand({ sid, generation: 0 }, 'move', () => endMove(host, sid))
  }

  const strangers = lookForStrangers({
    ...{ bootId, records, caller, isInHand },
    ...{ plan: host.plan.toAsk, patienceMs: surveyPatienceMs },
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
    const { generation, phase } = record
    const answer = (state: Found['state']) => ({ sid, generation, state })
    const work = stopping.has(sid) ? undefined : works.get(sid)
    if (work?.kind === 'receive') return { sid, generation: work.generation, state: 'incoming' }
    if (work?.kind === 'move') return answer('migrating')
    if (isInHand(sid)) return answer('unknown')
    if (record.bootId === bootId && phase === 'incoming') return answer('incoming')
    // Whether it was sent off is settled by its end alone.
    if (record.bootId === bootId && (phase === 'moving' || phase === 'sent'))
      return answer('migrating')
    if (host.isWatched(sid)) return answer('running')
    if (failed.has(sid) || left.pids(sid).length > 0) return answer('unknown')
    const seen = await probeAll(record.resources, caller(record), surveyPatienceMs)
    if (isInHand(sid)) return answer('unknown')
    if (record.bootId !== bootId) {
      if (seen !== 'stopped') return answer('unknown')
      forget(record)
      return null
    }
    // One that was begun and seen running, and does not answer just now, is left to its monitor.
    const mayRun = seen === 'running' || (seen === 'silent' && phase === 'started')
    if (!mayRun || host.isDetached()) return answer('unknown')
    if (phase !== 'started') records.note(record, 'started')
    host.watch(record)
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

  return {
    type,
    ...{ survey, start, stop, prepare: () => {}, detach: () => host.detach() },
    ...(type === 'ocf' && { receive, takeUp, migrate, cancel }),
  }
}
