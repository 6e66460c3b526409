// The world of a scenario while it is played: time passes in small slices, between which whatever must always or never be
// so is looked at; what was committed, started and commanded since the story began is remembered.
import type { Change } from '../../control-plane/cluster/change.ts'
import type { CommandStatus } from '../../control-plane/cluster/view.ts'
import { tellUsage } from '../conformance/usage.ts'
import type { Figures } from '../../shared/scheduling.ts'
import { unsettled } from '../sim/settled.ts'
import { createWorld, type World } from '../sim/world.ts'
import type { Answer } from '../sim/operator.ts'
import type { Declared } from './declarations.ts'
import type { Condition } from './condition.ts'
import { Tale } from './tale.ts'
import { Wrong } from './words.ts'

const sliceMs = 100
/** Nodes have joined, and everything declared runs, long before. */
const patienceMs = 180_000

/** An operator's command and what became of it. */
export type Commanded = { uid: string; about: string; status: CommandStatus; why: string }
type Watched = { condition: Condition; mustHold: boolean; line: number }

export class Stage {
  readonly world: World
  readonly tale: Tale
  /** What the CRM committed, since the story began. */
  changes: Change[] = []
  /** Starts and live moves that agents tried, since the story began, by service. */
  readonly tries = { start: new Map<string, number>(), migrate: new Map<string, number>() }
  readonly commands: Commanded[] = []
  readonly watched: Watched[] = []
  private readonly declared: Declared
  /** What services are measured to use; nothing is told before the first is. */
  private readonly usage = new Map<string, Figures>()

  constructor(declared: Declared) {
    const { nodes, settings, replicas, development, readsGates, seed } = declared
    this.declared = declared
    this.world = createWorld({
      ...{ nodes: [...nodes.values()], settings, replicas, development, readsGates, seed },
    })
    makeEven(this.world)
    this.tale = new Tale(this.world)
    this.world.onChange.push(({ change }) => this.remember(change))
    this.world.onAction.push(({ action, sid }) => {
      if (action === 'start' || action === 'migrate')
        this.tries[action].set(sid, (this.tries[action].get(sid) ?? 0) + 1)
    })
  }

  /** Lets nodes join and services start; the story begins when everything is at rest. */
  async begin(): Promise<void> {
    const { world, declared } = this
    const on = [...declared.nodes.values()].filter((node) => node.isOn !== false)
    await this.passUntil(() => {
      const known = Object.values(world.operator.view().nodes)
      return known.length === on.length && known.every((node) => node.state === 'online')
    })
    for (const { name } of on) world.setUpFencing(name)
    for (const group of declared.groups) this.expectAccepted(await world.operator.group(group))
    for (const { wish, node } of declared.services)
      this.expectAccepted(await world.operator.add(wish, node))
    for (const rule of declared.rules) this.expectAccepted(await world.operator.rule(rule))
    await this.passUntil(() => unsettled(world).length === 0)
    this.changes = []
    this.tries.start.clear()
    this.tries.migrate.clear()
    this.tale.begin()
  }

  private async passUntil(isSo: () => boolean): Promise<void> {
    const untilMs = this.world.nowMs + patienceMs
    do await this.pass(1_000)
    while (!isSo() && this.world.nowMs < untilMs)
  }

  expectAccepted(answer: Answer): void {
    if (!answer.accepted) throw new Wrong(`it was refused: ${answer.refusal}`)
  }

  /** @param each called after each slice; true ends it early */
  async pass(ms: number, each: () => boolean = () => false): Promise<void> {
    const { world } = this
    const untilMs = world.nowMs + ms
    for (;;) {
      this.look()
      if (world.nowMs >= untilMs || each()) return
      await world.run(Math.min(sliceMs, untilMs - world.nowMs))
    }
  }

  /** Whether anything has happened that must not. */
  private look(): void {
    const [violation] = this.world.checks.violations
    if (violation) throw new Wrong(`safety was violated: ${violation.what}`)
    for (const { condition, mustHold, line } of this.watched) {
      const fault = condition(this)
      if ((fault === null) !== mustHold)
        throw new Wrong(
          `what line ${line} says ${mustHold ? `is not so any more: ${fault}` : 'must never be so is so'}`,
        )
    }
  }

  /** A command that was accepted is a row from now on. */
  async noteCommand(asked: Promise<Answer>, about: string): Promise<Answer> {
    const answer = await asked
    if (answer.accepted && answer.uid)
      this.commands.push({ uid: answer.uid, about, status: 'pending', why: '' })
    return answer
  }

  use(sid: string, figures: Figures): void {
    const isFirst = this.usage.size === 0
    this.usage.set(sid, figures)
    const dynamicOf = (one: string) => this.usage.get(one) ?? { cpus: 0, memoryBytes: 0 }
    if (isFirst) tellUsage(this.world, { dynamicOf })
  }

  private remember(change: Change): void {
    this.changes.push(change)
    if (change.kind !== 'command.status') return
    const known = this.commands.find(({ uid }) => uid === change.command)
    if (known) Object.assign(known, { status: change.to, why: change.why })
  }
}

/** Everything takes as long each time, so that a trace changes only with what it tells of. */
function makeEven({ database, behaviours, machines }: World): void {
  database.latencyMs = [0.3, 0.3]
  behaviours.startMs = [200, 200]
  behaviours.stopMs = [200, 200]
  behaviours.moveMs = [2_000, 2_000]
  for (const { link, disk } of machines) {
    link.latencyMs = [1, 1]
    disk.latencyMs = [1, 1]
  }
}
