// Live moves of one resource, in Pacemaker's order: `migrate_to` on the source, `migrate_from` on the target, `stop` on the
// source. SAFETY: once `migrate_to` has succeeded its resource never runs at the source again: what is left there is only
// stopped. So is what a `migrate_to` leaves whose own answer is not known: killed, cut short or lost, it may have given its
// job to a daemon of the host, which goes on, and which only a stop ends. Where it said itself that it failed, and all that it
// began is killed, its monitor is believed. The target believes its own monitor alone, and nothing before its source was
// ended or has sent it.
import type {
  DriverResult,
  MigrateRequest,
  MigrateResult,
  ReceiveRequest,
  ReceiveResult,
  TakeUpRequest,
} from '../driver.ts'
import { endResources } from './ending.ts'
import type { OcfHost } from './ocf-host.ts'
import type { Record } from './records.ts'
import type { Resource } from './resource.ts'
import { failureOf, probe, stopOne } from './sequence.ts'

const failed = (detail: string): DriverResult => ({ outcome: 'error', detail })
const late = 'later than the lease allows'
const ended = 'the move was ended'

/** The words by which Pacemaker tells an agent of a move, on both nodes. */
const words = (source: string, target: string) => ({
  migrate_source: source,
  migrate_target: target,
})

/** Opens the target's half: nothing of it runs here, and the record says what may come. */
export async function openHalf(
  host: OcfHost,
  request: ReceiveRequest,
  signal: AbortSignal,
): Promise<ReceiveResult> {
  const { sid, generation } = request
  const { bootId, records, node } = host
  const listens: ReceiveResult = { outcome: 'ok', detail: '', address: node, takesUp: true }
  const known = records.read(sid)
  if (known?.bootId === bootId) {
    const isOpen = known.generation === generation && known.phase === 'incoming'
    return isOpen ? listens : failed('what was here before is not ended')
  }
  const planned = await host.plan.toMove(sid, request.spec)
  if ('outcome' in planned) return planned
  const { resources } = planned
  const call = host.caller({ sid, generation })
  // Something else on this host may have started it (S8): what runs without a grant is ended first.
  for (const resource of resources) {
    if ((await probe(resource, call)) === 'stopped') continue
    const result = await stopOne(resource, call, true)
    if (result.outcome !== 'ok')
      return { ...result, detail: `it was there before its move, and ${result.detail}` }
  }
  if (signal.aborted) return failed('it is being stopped')
  if (!request.mayBegin()) return failed(late)
  const record: Record = { sid, generation, bootId, phase: 'starting', resources }
  await records.write(record)
  records.note(record, 'incoming')
  return listens
}

/** Lets what was sent off come alive in its half. */
export async function takeUpHalf(
  host: OcfHost,
  request: TakeUpRequest,
  signal: AbortSignal,
): Promise<DriverResult> {
  const { sid, generation, from } = request
  const { records } = host
  const record = records.read(sid)
  const isOpen = record?.generation === generation && record.phase === 'incoming'
  if (!isOpen || record.bootId !== host.bootId) return failed('its half is not open here')
  const [resource] = record.resources as [Resource]
  const call = host.caller(record)
  if (from !== null) {
    if (signal.aborted) return failed('it is being stopped')
    if (!request.mayBegin()) return failed(late)
    records.note(record, 'taking')
    const { openGate, closeGate } = host.gateFor(record)
    const meta = words(from, host.node)
    const result = await call(resource, 'migrate_from', {
      signal,
      grant: openGate(),
      meta,
    }).finally(closeGate)
    const failure = failureOf('migrate_from', resource, result)
    if (failure) return failure
  }
  if ((await probe(resource, call)) !== 'running')
    return failed(
      from === null
        ? 'it has not arrived, and nobody knows whether it was sent'
        : 'its migrate_from succeeded, but its monitor says that it does not run',
    )
  if (signal.aborted) return failed('it is being stopped')
  host.left.forget(sid)
  records.note(record, 'started')
  host.watch(record)
  return { outcome: 'ok', detail: '' }
}

/** Sends it off to where the target waits for it, and says what is left here. */
export async function sendOff(
  host: OcfHost,
  request: MigrateRequest,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { sid, marked, target } = request
  const { records } = host
  const planned = await host.plan.toMove(sid, request.spec)
  if ('outcome' in planned) {
    const { outcome, detail } = planned
    // It runs here, so it is no wrong node.
    const isNever = outcome === 'not-live' || outcome === 'invalid'
    return { outcome: isNever ? outcome : 'error', detail, left: 'running' }
  }
  const record = records.read(sid)
  if (record?.generation !== marked || record.bootId !== host.bootId || record.phase !== 'started')
    return { ...failed(`it does not run here as ${sid}.${marked}`), left: 'unknown' }
  const [resource] = record.resources as [Resource]
  if (signal.aborted) return { ...failed(ended), left: 'running' }
  if (!request.mayBegin()) return { ...failed(late), left: 'running' }
  // From here on its monitor tells no crash: the move itself says what became of it.
  host.unwatch(sid)
  host.failed.delete(sid)
  records.note(record, 'moving')
  const { openGate, closeGate } = host.gateFor(record)
  const timeoutMs = Math.min(resource.timeouts.migrate_to, request.timeoutMs)
  const result = await host
    .caller(record)(resource, 'migrate_to', {
      ...{ signal, timeoutMs, grant: openGate(), meta: words(host.node, target) },
    })
    .finally(closeGate)
  const failure = failureOf('migrate_to', resource, result, timeoutMs)
  // The next process finds what it says here.
  if (host.isDetached()) return { ...failed('its agent leaves'), left: 'unknown' }
  if (failure) {
    const hasAnswered = result.code !== null && !result.isTimeout
    return settle(host, record, signal.aborted ? failed(ended) : failure, hasAnswered)
  }
  // Known to every later process of this boot before anybody is told.
  records.note(record, 'sent')
  return { outcome: 'ok', detail: '', left: 'sent' }
}

/** Ends a move away for good, whoever began it; nothing of it is in hand. */
export async function endMove(host: OcfHost, sid: string): Promise<MigrateResult> {
  const record = host.records.read(sid)
  if (record === null) return { ...failed('nothing of it is here'), left: 'nothing' }
  if (record.phase !== 'sent')
    return settle(host, record, failed(ended), record.phase === 'started')
  const result = await endResources(host, sid)
  if (result.outcome !== 'ok') return { ...result, left: 'unknown' }
  host.records.remove(sid)
  return { outcome: 'ok', detail: '', left: 'nothing' }
}

/**
 * It was not sent off, or nobody knows: all that the move began is ended.
 * @param mayStay no job of it can still be under way: its monitor says whether it runs here as before
 */
async function settle(
  host: OcfHost,
  record: Record,
  { outcome, detail }: DriverResult,
  mayStay: boolean,
): Promise<MigrateResult> {
  const { sid, bootId } = record
  const unknown: MigrateResult = { outcome, detail, left: 'unknown' }
  if (!(await host.left.end(sid)) || !(await host.endMovers(record))) return unknown
  const [resource] = record.resources as [Resource]
  const isOfBoot = bootId === host.bootId && ['started', 'moving'].includes(record.phase)
  if (mayStay && isOfBoot && (await probe(resource, host.caller(record))) === 'running') {
    host.left.forget(sid)
    host.records.note(record, 'started')
    host.watch(record)
    return { outcome, detail, left: 'running' }
  }
  const result = await endResources(host, sid)
  if (result.outcome !== 'ok') return { ...unknown, detail: `${detail}; ${result.detail}` }
  host.records.remove(sid)
  return { outcome, detail, left: 'nothing' }
}
