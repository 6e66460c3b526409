// What happened in a world, in the forms of the recording: phases and placements as the cluster manager committed them,
// actions as the agents' drivers answered them, and how things stood in the end.
import type { Change } from '../../control-plane/cluster/change.ts'
import type { NodeName } from '../../control-plane/cluster/view.ts'
import type { Outcome } from '../../shared/outcome.ts'
import type { ServiceState } from '../../shared/service.ts'
import type { AgentAction } from '../sim/world-options.ts'
import type { World } from '../sim/world.ts'
import { sidThere } from './names.ts'

type Phase = (string | null)[]
export type Where = { state: ServiceState; node: NodeName | null; target: NodeName | null }

export type Recorded = {
  phases: Record<string, Phase[]>
  placements: Record<string, (string | null)[][]>
  actions: Record<string, (string | null)[][]>
}

const words: Record<ServiceState, string | null> = {
  started: 'up',
  stopped: 'down',
  freeze: 'frozen',
  error: 'error',
  migrate: 'move',
  relocate: 'move',
  fence: 'recover',
  recovery: 'recover',
  // Way-points: passed through, and no phase of their own.
  request_start: null,
  request_stop: null,
  request_start_balance: null,
}

const answers: Partial<Record<Outcome, string>> = { ok: 'ok', 'wrong-node': 'wrong_node' }

/** As many failures of one move are an endless repetition. */
const endlessMoves = 4

/** A service that rests here is as good as down: its stop is tried again and again. */
const restsAfterMs = 15_000

export class Recorder implements Recorded {
  readonly phases: Recorded['phases'] = {}
  readonly placements: Recorded['placements'] = {}
  readonly actions: Recorded['actions'] = {}
  private readonly where = new Map<string, Where>()
  private readonly changedMs = new Map<string, number>()
  private readonly world: World

  private readonly locks: ReadonlyMap<string, string>

  /** @param locks of guests, while they have one: what fails fails because of it */
  constructor(world: World, locks: ReadonlyMap<string, string> = new Map()) {
    this.world = world
    this.locks = locks
    world.onChange.push(({ change }) => this.onChange(change))
    world.onAction.push((action) => this.onAction(action))
  }

  /** A scenario may begin in the middle of things. */
  begin(sid: string, where: Where): void {
    this.put(sid, where, null)
  }

  whereIs(sid: string): Where | undefined {
    return this.where.get(sid)
  }

  /** It was found to be defined elsewhere, and belongs there from now on. */
  settleAt(sid: string, node: NodeName): void {
    const before = this.where.get(sid)
    if (before) this.put(sid, { ...before, node }, before)
  }

  private onChange(change: Change): void {
    if (change.kind === 'service.dropped') return this.drop(change.sid)
    if (change.kind === 'service.added') return this.put(change.sid, change.status, null)
    if (change.kind !== 'service.state' && change.kind !== 'service.changed') return
    const before = this.where.get(change.sid)
    if (!before) return
    const { node = before.node, target = before.target } = change.set
    if (change.set.running) this.unmoved.delete(change.sid)
    const state = change.kind === 'service.state' ? change.to : before.state
    this.put(change.sid, { state, node, target }, before)
  }

  private put(sid: string, now: Where, before: Where | null): void {
    const name = sidThere(sid)
    if (before && isMove(before) && !isMove(now)) this.endMove(sid, before, now)
    const { state, node, target } = now
    this.where.set(sid, { state, node, target })
    if (before?.state !== state) this.changedMs.set(sid, this.world.nowMs)
    if (node !== null && node !== before?.node) at(this.placements, name).push([node, state])
    const word = words[state]
    if (word !== null && node !== null)
      this.phase(name, word === 'move' ? [word, node, target] : [word, node])
    if (state === 'request_stop')
      this.world.at(this.world.nowMs + restsAfterMs, () => {
        if (this.where.get(sid)?.state === 'request_stop') this.rest(sid)
      })
  }

  private rest(sid: string): void {
    const since = this.world.nowMs - (this.changedMs.get(sid) ?? 0)
    const { node } = this.where.get(sid)!
    if (since >= restsAfterMs) this.phase(sidThere(sid), ['down', node])
  }

  private phase(name: string, phase: Phase): void {
    const phases = at(this.phases, name)
    if (JSON.stringify(phases.at(-1)) !== JSON.stringify(phase)) phases.push(phase)
  }

  private drop(sid: string): void {
    this.where.delete(sid)
    this.phase(sidThere(sid), ['absent'])
    at(this.placements, sidThere(sid)).push([null, 'dropped'])
  }

  /** Of what does not run an agent has nothing to do: the move is over when it is decided. */
  private endMove(sid: string, before: Where, now: Where): void {
    const wasActed = this.movedBy.delete(sid)
    if (wasActed || now.node !== before.target) return
    // The reference names it by what it would have been: virtual machines migrate, but for what was commanded.
    const word =
      before.state === 'relocate' && this.movesAsMigrate(sid) ? 'migrate' : moveWord(before)
    this.action(sid, [before.node, word, 'ok', before.target])
    if (word === 'migrate' && now.node !== null) this.arrived.set(sid, now.node)
  }

  private movesAsMigrate(sid: string): boolean {
    return sid.startsWith('vm:') && this.commanded.get(sid) !== 'relocate'
  }

  /** The start that follows a live move is part of it. */
  private readonly arrived = new Map<string, NodeName>()
  /** Kinds of the moves that were commanded last. */
  readonly commanded = new Map<string, 'migrate' | 'relocate'>()

  private readonly movedBy = new Set<string>()
  /** What was tried so often last that it is told once. */
  private readonly endless = new Map<string, string>()
  /** Was to move, in vain, and is not known to run again. */
  private readonly unmoved = new Set<string>()

  private onAction({ sid, node, action, outcome, wasThere }: AgentAction): void {
    const where = this.where.get(sid)
    const how = answers[outcome] ?? (this.locks.has(sid) ? 'locked' : 'failed')
    const isMoving = where !== undefined && isMove(where) && where.node === node
    if (isMoving && (action === 'stop' || action === 'migrate')) {
      this.movedBy.add(sid)
      if (how !== 'ok') this.unmoved.add(sid)
      // The start that follows on the target is part of it.
      if (where.state === 'migrate' && action === 'stop' && how === 'ok' && where.target !== null)
        this.arrived.set(sid, where.target)
      return this.action(sid, [node, moveWord(where), how, where.target])
    }
    if (action === 'start' && this.arrived.get(sid) === node) {
      this.arrived.delete(sid)
      if (how === 'ok') return
    }
    // Looking that nothing is left, where nothing was, is no action; nor is clearing up after a move that failed.
    if (action === 'stop' && (!wasThere || this.isClearingUp(sid))) return
    if (action === 'start' || action === 'stop') this.action(sid, [node, action, how])
  }

  /** Its move has failed, and nothing else was done with it since. */
  private isClearingUp(sid: string): boolean {
    const where = this.where.get(sid)
    return this.unmoved.has(sid) && (where?.state === 'started' || where?.state === 'relocate')
  }

  private action(sid: string, entry: (string | null)[]): void {
    const actions = at(this.actions, sidThere(sid))
    const text = JSON.stringify(entry)
    let same = 0
    while (same < actions.length && JSON.stringify(actions.at(-1 - same)) === text) same += 1
    // A stop that fails for ever is told once, and so is a move that does; starts are counted.
    if (same > 0 && entry[1] === 'stop') return
    const isMove = entry[1] === 'migrate' || entry[1] === 'relocate'
    const isEndless = same + 1 >= endlessMoves || (same > 0 && this.endless.get(sid) === text)
    if (!isMove || entry[2] === 'ok' || !isEndless) {
      actions.push(entry)
      return
    }
    this.endless.set(sid, text)
    actions.length -= same - 1
  }
}

function isMove({ state }: Where): boolean {
  return state === 'migrate' || state === 'relocate' || state === 'request_start_balance'
}

function moveWord({ state }: Where): string {
  return state === 'migrate' ? 'migrate' : 'relocate'
}

function at<T>(record: Record<string, T[]>, key: string): T[] {
  record[key] ??= []
  return record[key]
}
