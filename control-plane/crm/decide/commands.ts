// Operators' commands (D5): rows with a status. A wish (enable, start, disable, stop, remove) is done when the service
// is as wished; an act (restart, migrate, relocate) is begun here, or refused with the reason. None is dropped.
import { whyForbidden } from '../../cluster/rules/forbidden.ts'
import type { CommandKind, CommandView, ServiceView, Sid } from '../../cluster/view.ts'
import { otherHolder } from '../../cluster/grants.ts'
import { serviceType } from '../../../shared/names.ts'
import { movesLive } from '../../../shared/specs/service-specs.ts'
import { compiledRules } from './compiled-rules.ts'
import { type Draft, newId, nodeNamed, setCommand } from './draft.ts'
import { goesLive, startMove, whyNotLive } from './moves.ts'
import { isOperational } from './node-states.ts'
import { whyNotUsable } from './node-classes.ts'
import { takePartnersAlong, whyPartnersCannot } from './partners-along.ts'
import { quarantineNote } from './quarantine.ts'
import { setFields } from './transition.ts'

const wishes: readonly CommandKind[] = ['enable', 'start', 'disable', 'stop', 'remove']

const isWish = (command: CommandView) => wishes.includes(command.kind)

/** Begins what can begin, and refuses what cannot. */
export function acceptCommands(draft: Draft): void {
  const newest = new Map<Sid, CommandView>()
  const newestMove = new Map<Sid, CommandView>()
  for (const command of draft.view.commands) {
    if (isWish(command)) newest.set(command.sid, command)
    else if (isPendingMove(command)) newestMove.set(command.sid, command)
  }
  for (const command of draft.view.commands) {
    if (isWish(command)) acceptWish(draft, command, newest.get(command.sid)!)
    else if (isPendingMove(command) && command !== newestMove.get(command.sid))
      setCommand(draft, command, 'failed', superseded(newestMove.get(command.sid)!))
    else if (command.status === 'pending') acceptAct(draft, command)
  }
}

/** Of several that nobody has begun with, only where it is to be in the end counts (reference 2.6). */
function isPendingMove({ kind, status }: CommandView): boolean {
  return status === 'pending' && (kind === 'migrate' || kind === 'relocate')
}

function superseded({ kind, node }: CommandView): string {
  return `superseded by a newer command: ${kind}${node === null ? '' : ` to ${node}`}`
}

function acceptWish(draft: Draft, command: CommandView, newest: CommandView): void {
  const { sid, kind } = command
  if (command !== newest) return setCommand(draft, command, 'failed', superseded(newest))
  const isNew = command.status === 'pending'
  if (isNew)
    setCommand(
      draft,
      command,
      'running',
      kind === 'remove' ? 'removed from the configuration' : 'requested',
    )
  if (kind !== 'stop') return
  // The wish itself was written with the command; what was written after it is newer, and stands.
  if (command.stopTimeoutMs === null) return
  draft.stopTimeouts.set(sid, command.stopTimeoutMs)
  if (isNew && draft.view.services.get(sid)?.status?.state === 'request_stop')
    setFields(
      draft,
      sid,
      { uid: newId(draft), stopTimeoutMs: command.stopTimeoutMs },
      'stop was commanded anew',
    )
}

function acceptAct(draft: Draft, command: CommandView): void {
  const service = draft.view.services.get(command.sid)
  // Another act is under way: this one waits for its turn.
  if (service?.status?.command) return
  const refusal =
    command.kind === 'restart' ? whyNoRestart(draft, service) : whyNoMove(draft, command, service)
  if (refusal !== null) return setCommand(draft, command, 'refused', refusal)
  const { sid } = command
  if (command.kind === 'restart') {
    setFields(
      draft,
      sid,
      { uid: newId(draft), restart: true, command: command.uid },
      'restart was commanded',
    )
    return setCommand(draft, command, 'running', `restarts on ${service!.status!.node}`)
  }
  const why = `${command.kind} to ${command.node} was commanded`
  if (service!.status!.state === 'stopped') {
    startMove(draft, sid, command.node!, why)
    takePartnersAlong(draft, sid, command.node!)
    return setCommand(draft, command, 'done', `it is stopped; its place is ${command.node} now`)
  }
  const isLive = command.kind === 'migrate' && goesLive(draft, sid, true)
  const how = command.kind === 'migrate' && !isLive ? `; ${whyRelocated(service!)}` : ''
  startMove(draft, sid, command.node!, why + how, { command: command.uid }, isLive)
  const along = takePartnersAlong(draft, sid, command.node!, command.kind === 'migrate')
  const told = along.length > 0 ? `, and takes ${along.join(' ')} along` : ''
  setCommand(draft, command, 'running', `moves to ${command.node}${told}`)
}

function whyRelocated({ sid, config }: ServiceView): string {
  return movesLive(sid, config?.spec, true)
    ? 'it does not run yet: relocated'
    : `${serviceType(sid)} services do not move live: relocated`
}

function whyNotNow(draft: Draft, service: ServiceView | undefined): string | null {
  const { disarm } = draft.view
  if (disarm !== null) return `the cluster is ${disarm.state}: arm it first`
  if (!service?.config) return 'no such service'
  if (!service.status)
    return `it is not managed: its requested state is ${service.config.requested}`
  const { state, node } = service.status
  if (state === 'started' && !isOperational(draft, node))
    return `its node ${node} is ${nodeNamed(draft, node)?.state ?? 'gone'}`
  if (state === 'started' && service.config.requested !== 'started')
    return 'it is about to be stopped'
  return quarantineNote(draft)
}

function whyNoRestart(draft: Draft, service: ServiceView | undefined): string | null {
  const refusal = whyNotNow(draft, service)
  if (refusal !== null) return refusal
  const { state, running, node } = service!.status!
  if (state !== 'started') return `it is in state ${state}: only a running service can be restarted`
  if (!running) return 'it does not run yet'
  const other = otherHolder(service!.grant, node)
  return other ? `${other.node} has not ended its half of the last move yet` : null
}

function whyNoMove(
  draft: Draft,
  command: CommandView,
  service: ServiceView | undefined,
): string | null {
  const refusal = whyNotNow(draft, service)
  if (refusal !== null) return refusal
  const { state, node } = service!.status!
  if (state !== 'started' && state !== 'stopped')
    return `it is in state ${state}: only a started or stopped service can be moved`
  const target = nodeNamed(draft, command.node)
  if (target === undefined) return `no node ${command.node}`
  if (target.name === node) return `it is on ${node} already`
  const { sid } = command
  const forbidden = whyForbidden(compiledRules(draft), draft.view.services, sid, target.name)
  if (forbidden !== null) return forbidden.sentence
  const unfit = whyNotUsable(target, serviceType(sid), draft.nowMs)
  if (unfit !== null) return `node ${target.name} cannot take it: ${unfit}`
  if (command.kind === 'migrate' && goesLive(draft, sid, true)) {
    const obstacle = whyNotLive(draft, sid, target.name)
    if (obstacle !== null) return `${obstacle}; relocate moves it by stopping it first`
  }
  return whyPartnersCannot(draft, sid, target)
}

/** Ends the commands whose wish is fulfilled or has become impossible. */
export function finishCommands(draft: Draft): void {
  for (const command of draft.view.commands) {
    if (command.status !== 'running') continue
    const service = draft.view.services.get(command.sid)
    const end = isWish(command)
      ? endOfWish(draft, command, service)
      : endOfAct(draft, command, service)
    if (end) setCommand(draft, command, ...end)
  }
}

/** An act waited for its turn, and the one before it has just ended. */
export function isTurnOfAnother(draft: Draft): boolean {
  return draft.view.commands.some(
    (command) =>
      command.status === 'pending' &&
      !isWish(command) &&
      !draft.view.services.get(command.sid)?.status?.command,
  )
}

type End = ['done' | 'failed', string] | null

function endOfWish(draft: Draft, command: CommandView, service: ServiceView | undefined): End {
  const { config, status } = service ?? {}
  if (command.kind === 'remove') {
    if (!config) return ['done', 'it is no longer managed; what runs was left as it is']
    return ['failed', 'it was added again']
  }
  if (!config) return ['failed', 'it was removed']
  if (!status) return ['failed', `it is not managed: its requested state is ${config.requested}`]
  const wantsStart = command.kind === 'enable' || command.kind === 'start'
  if (wantsStart !== (config.requested === 'started'))
    return ['failed', `its requested state is ${config.requested} now`]
  if (status.state === 'error') {
    const brokeNow = draft.changes.some(
      (change) =>
        change.kind === 'service.state' && change.sid === command.sid && change.to === 'error',
    )
    if (brokeNow || command.kind !== 'disable')
      return ['failed', draft.lastWhy.get(command.sid) ?? 'it is in state error']
    return null
  }
  if (wantsStart)
    return status.state === 'started' && status.running
      ? ['done', `it runs on ${status.node}`]
      : null
  return status.state === 'stopped' ? ['done', 'it is stopped'] : null
}

function endOfAct(draft: Draft, command: CommandView, service: ServiceView | undefined): End {
  const status = service?.status
  if (!status) return ['failed', 'it is no longer managed']
  if (status.command !== command.uid)
    return ['failed', draft.lastWhy.get(command.sid) ?? `it is ${status.state} on ${status.node}`]
  if (command.kind === 'restart' || status.state !== 'started' || !status.running) return null
  const why = `it runs on ${status.node}`
  setFields(draft, command.sid, { command: null }, why)
  return ['done', why]
}
