// Carries out what was decided. Feeding, arming and closing happen here and now, one after the other; everything else
// is begun, and its result comes back as an event. Decides nothing.
import type { Clock, Timers } from '../../shared/clock.ts'
import { serviceType } from '../../shared/names.ts'
import { assertNever } from '../../shared/assert.ts'
import type { EpochRequest } from '../../shared/protocol.ts'
import type { ControlPlaneClient, Reply } from '../control-plane-client.ts'
import { beginDrill, runDrill } from '../drill/drill-effects.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Health } from '../health/health.ts'
import type { Log } from '../log.ts'
import type { Questions } from '../questions.ts'
import type { UsageMeter } from '../usage/usage-meter.ts'
import type { OutsideClock } from '../outside-clock/outside-clock.ts'
import type { Watchdog } from '../watchdog/watchdog.ts'
import type { Effect, LrmEvent, Refused } from './decide/effect.ts'
import type { JournalStore } from './journal.ts'
import { leaveUntil } from './leave.ts'
import { createLook } from './look.ts'
import { runMove } from './move-effects.ts'

export type EffectDeps = {
  clock: Clock
  timers: Timers
  outside: OutsideClock | null
  watchdog: Watchdog
  drivers: Driver[]
  journal: JournalStore
  client: ControlPlaneClient
  log: Log
  /** null: nothing is measured. */
  meter: UsageMeter | null
  /** Absent: nothing is told of this machine but what it runs, and no drill is done. */
  health?: Health | undefined
  /** Absent: nobody is told anything of this host. */
  questions?: Questions
  bootId: string
  /** What every epoch request says about this node, besides what was decided. */
  aboutNode(): Omit<EpochRequest, 'nonce' | 'found' | 'planeEpoch' | 'sentMs'>
  exit(code: number): void
}

/** How long an epoch request may take: the plane waits for a round before it answers. */
const epochTimeoutMs = 5_000
/** The list may be long. */
const managedTimeoutMs = 30_000

export type RunEffect = (effect: Effect) => void

/** Gives back what runs one effect; results are handed to `tell`, some of them before it returns. */
export function createEffects(deps: EffectDeps, tell: (event: LrmEvent) => void): RunEffect {
  let poll = new AbortController()
  const look = createLook(deps.drivers, deps.timers)

  return function run(effect: Effect): void {
    switch (effect.kind) {
      case 'feed':
      case 'arm':
      case 'close-watchdog':
        return runWatchdog(deps, effect, tell)
      case 'beat-drill':
      case 'interrupt-drill':
      case 'end-drill':
        return runDrill(deps.health?.drills, deps.watchdog, effect)
      case 'note-life':
        return deps.health?.life.note(effect.life)
      case 'write-journal':
        return writeJournal(deps, effect, tell)
      case 'note-lease':
        return noteLease(deps, effect)
      case 'prepare':
        return driverOf(deps, effect.sid)?.prepare(effect.sid, effect.generation)
      case 'start':
        return void begin(start(deps, effect), (outcome) => ({
          ...effect,
          ...outcome,
          kind: 'started',
        }))
      case 'stop':
        return void begin(stop(deps, effect), (outcome) => ({
          ...effect,
          ...outcome,
          kind: 'stopped',
        }))
      case 'receive':
      case 'take-up':
      case 'migrate':
      case 'cancel-move':
        return void runMove(deps, effect, tell)
      case 'survey':
        return void look(effect.asked, effect.known, effect.held).then(tell)
      case 'ask-managed':
        return void askManaged(deps).then(tell)
      case 'renew':
        return void renew(deps, effect).then(tell)
      case 'ask-epoch':
        return void askEpoch(deps, effect).then(tell)
      case 'poll':
        poll = new AbortController()
        return void ask(deps, effect, poll.signal).then(tell)
      case 'cancel-poll':
        return poll.abort()
      case 'say':
        return deps.log(effect.level, effect.message, effect.facts)
      case 'exit':
        deps.health?.life.leave(effect.code)
        return deps.exit(effect.code)
      default:
        return assertNever(effect, 'effect of an unknown kind')
    }
  }

  function begin<T>(work: Promise<T>, toEvent: (result: T) => LrmEvent): void {
    void work.then((result) => tell(toEvent(result)))
  }
}

type WatchdogEffect = Extract<Effect, { kind: 'feed' | 'arm' | 'close-watchdog' }>

function runWatchdog(
  { watchdog, health, bootId }: EffectDeps,
  effect: WatchdogEffect,
  tell: (event: LrmEvent) => void,
) {
  if (effect.kind === 'feed') {
    const result = watchdog.feed(effect.untilMs)
    if (result === 'late') tell({ kind: 'fed-late', why: 'the lease ran out before the write' })
    else if (result === 'fed') tell({ kind: 'fed' })
    else tell({ kind: 'feed-failed', why: result.failed, counting: watchdog.isRunning() })
  } else if (effect.kind === 'arm') {
    const { timeoutMs, untilMs, drill } = effect
    const trouble = drill ? beginDrill(health?.drills, watchdog, bootId, drill) : null
    if (trouble) return tell(trouble)
    const result = watchdog.arm(timeoutMs, untilMs)
    if (!result.ok) return tell({ kind: 'arm-failed', why: result.why, open: result.open })
    const { effectiveMs, canClose } = result
    tell({ kind: 'armed', configuredMs: timeoutMs, effectiveMs, canClose })
  } else {
    const result = watchdog.close()
    if (result.ok) tell({ kind: 'watchdog-closed' })
    else tell({ kind: 'watchdog-close-failed', why: result.why })
  }
}

function writeJournal(
  deps: EffectDeps,
  { version, journal }: Extract<Effect, { kind: 'write-journal' }>,
  tell: (event: LrmEvent) => void,
): void {
  deps.journal.write(journal).then(
    () => tell({ kind: 'journaled', version }),
    (error: Error) => tell({ kind: 'journal-failed', why: error.message }),
  )
}

/** A lease that could not be noted is still a lease; only a crash right now would miss it. */
function noteLease(deps: EffectDeps, { lease }: Extract<Effect, { kind: 'note-lease' }>): void {
  try {
    deps.journal.noteLease(lease)
  } catch (error) {
    deps.log('warn', 'lease not noted', { why: (error as Error).message })
  }
}

const noDriver = { outcome: 'unknown-service', detail: 'no such driver' } as const

async function start(deps: EffectDeps, effect: Extract<Effect, { kind: 'start' }>) {
  const { sid, generation, spec, untilMs } = effect
  const driver = driverOf(deps, sid)
  if (!driver) return noDriver
  const mayStart = leaveUntil(deps, untilMs)
  try {
    return await driver.start({ sid, generation, spec, mayStart })
  } catch (error) {
    return { outcome: 'error', detail: (error as Error).message } as const
  }
}

async function stop(deps: EffectDeps, effect: Extract<Effect, { kind: 'stop' }>) {
  const driver = driverOf(deps, effect.sid)
  if (!driver) return noDriver
  try {
    return await driver.stop(effect.sid, effect.timeoutMs)
  } catch (error) {
    return { outcome: 'error', detail: (error as Error).message } as const
  }
}

function driverOf(deps: EffectDeps, sid: string): Driver | undefined {
  return deps.drivers.find((driver) => driver.type === serviceType(sid))
}

async function renew(
  deps: EffectDeps,
  { request, timeoutMs }: Extract<Effect, { kind: 'renew' }>,
): Promise<LrmEvent> {
  const { seq } = request
  const usage = deps.meter?.take() ?? null
  const health = deps.health?.take() ?? null
  const more = { ...(usage && { usage }), ...(health && { health }) }
  const reply = await deps.client.lease({ ...request, ...more }, timeoutMs)
  // An older plane refuses what it does not know, the whole renewal with it: the next one goes without, the newest first.
  if (reply.kind === 'refused' && reply.problem.code === 'invalid') {
    if (health) deps.health?.end()
    else if (usage) deps.meter?.end()
  }
  if (reply.kind === 'ok') {
    deps.health?.noteGranted()
    return { kind: 'lease-granted', seq, answer: reply.answer }
  }
  if (reply.kind === 'refused') return { kind: 'lease-refused', seq, refused: refusedBy(reply) }
  return { kind: 'lease-failed', seq, why: reply.why }
}

async function askEpoch(
  deps: EffectDeps,
  { nonce, found, planeEpoch }: Extract<Effect, { kind: 'ask-epoch' }>,
): Promise<LrmEvent> {
  const sentMs = deps.clock.bootMs()
  const request = { ...deps.aboutNode(), sentMs, planeEpoch, nonce, found }
  const reply = await deps.client.epoch(request, epochTimeoutMs)
  if (reply.kind === 'ok') return { kind: 'epoch-answered', answer: reply.answer }
  if (reply.kind === 'refused') return { kind: 'epoch-refused', refused: refusedBy(reply) }
  return { kind: 'epoch-failed', why: reply.why }
}

async function ask(
  deps: EffectDeps,
  effect: Extract<Effect, { kind: 'poll' }>,
  cancel: AbortSignal,
): Promise<LrmEvent> {
  const { id, planeEpoch, revision, waitMs } = effect
  const reply = await deps.client.desired({ planeEpoch, revision, waitMs }, cancel)
  if (reply.kind === 'ok' && reply.question) deps.questions?.take(reply.question)
  if (reply.kind === 'ok')
    return reply.answer === null
      ? { kind: 'desired-unchanged', id, managed: reply.managed ?? null }
      : { kind: 'desired', id, desired: reply.answer, managed: reply.managed ?? null }
  const why = reply.kind === 'failed' ? reply.why : `${reply.problem.code}`
  return { kind: 'desired-failed', id, why }
}

/** On disk before anything counts on it: the next boot begins with it, plane or no plane. */
async function askManaged({ client, journal }: EffectDeps): Promise<LrmEvent> {
  const reply = await client.managed(managedTimeoutMs)
  if (reply.kind !== 'ok')
    return { kind: 'managed-failed', why: reply.kind === 'failed' ? reply.why : reply.problem.code }
  try {
    await journal.writeManaged(reply.answer)
  } catch (error) {
    return { kind: 'managed-failed', why: (error as Error).message }
  }
  return { kind: 'managed', list: reply.answer }
}

function refusedBy(reply: Extract<Reply<unknown>, { kind: 'refused' }>): Refused {
  const { code, detail, title, planeEpoch } = reply.problem
  return { code, detail: detail ?? title, planeEpoch: planeEpoch ?? null }
}
