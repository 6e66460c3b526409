// Plays the CRM's own decisions forward in virtual time: round after round, with agents that obey, until nothing more
// happens. Pure, and in steps, so that whoever asks can let others work between two rounds. Nothing is written
// anywhere: the reducer makes every view that follows, and only the caller ever sees them.
import { applyChanges, applyPlan } from '../../cluster/apply.ts'
import { ServiceTable } from '../../cluster/service-table.ts'
import type { Change } from '../../cluster/change.ts'
import { holdersOf } from '../../cluster/grants.ts'
import type { ClusterView, NodeName } from '../../cluster/view.ts'
import { decide } from '../decide/decide.ts'
import { obey } from './obey.ts'
import { obeyDevices } from './obey-devices.ts'
import { cutLeases, type Hypothesis, livingNodes, plan } from './suppose.ts'

export type Happening = { atMs: number; change: Change }

export type Foreseen = {
  /** As it was when it was asked. */
  before: ClusterView
  after: ClusterView
  /** The nodes that renew in the end. */
  alive: ReadonlySet<NodeName>
  happenings: Happening[]
  rounds: number
  /** false: the bound was reached before everything had come to rest. */
  settled: boolean
}

/** A lost node takes a few rounds for its silence, its proof and the moves that follow; this is ten times as many. */
const mostRounds = 300
/** Nothing that a CRM waits for by itself lasts so long; what a person has to do is not waited for. */
const longestMs = 86_400_000
/** The regular round, for what asked for no round of its own. */
const regularRoundMs = 5_000

/** The future of `view` under `hypothesis`: first what is planned, until it has come to rest; then what is lost. */
export function* foresee(
  view: ClusterView,
  hypothesis: Hypothesis,
): Generator<undefined, Foreseen, undefined> {
  const untilMs = view.nowMs + longestMs
  const future: Future = { now: view, untilMs, happenings: [], rounds: 0, settled: true }
  const { down, maintenance, back, services, confirmed } = hypothesis
  const isPlanned = maintenance.length + back.length + services.length > 0
  const alive = livingNodes(view, back)
  if (isPlanned || down.length === 0) {
    future.now = plan(view, hypothesis)
    yield* play(future, alive, [])
  }
  if (down.length > 0) {
    // Nothing was played before: leases are as they are. Otherwise those of the dead end as of now.
    if (isPlanned) future.now = cutLeases(future.now, down)
    for (const name of down) alive.delete(name)
    yield* play(future, alive, confirmed ? down : [])
  }
  const { now: after, happenings, rounds, settled } = future
  return { before: view, after, alive: new Set(alive.keys()), happenings, rounds, settled }
}

type Future = Omit<Foreseen, 'before' | 'after' | 'alive'> & { now: ClusterView; untilMs: number }

/** Rounds until nothing happens any more. `vouchedFor`: whose death a person confirms when nothing else is left. */
function* play(
  future: Future,
  alive: ReadonlyMap<NodeName, string>,
  vouchedFor: readonly NodeName[],
): Generator<undefined, void, undefined> {
  const { untilMs, happenings } = future
  let quietRounds = 0
  future.settled = false
  while (!future.settled && future.rounds < mostRounds && future.now.nowMs < untilMs) {
    const { view, isNews } = obey(obeyDevices(future.now, alive), alive, untilMs)
    const begun = { ...view, round: view.round + 1 }
    const plan = decide(begun)
    for (const change of plan.changes) happenings.push({ atMs: begun.nowMs, change })
    future.now = { ...applyPlan(begun, plan), lastRoundMs: begun.nowMs }
    future.rounds += 1
    yield
    const isQuiet = plan.changes.length === 0 && !isNews
    quietRounds = isQuiet ? quietRounds + 1 : 0
    if (!isQuiet) continue
    // What is due later than that is only that living nodes would have to renew again.
    const isDue = plan.nextRoundMs !== null && plan.nextRoundMs <= untilMs
    // Twice nothing, and nothing due: nothing will happen any more, unless a person does something.
    if (!isDue && quietRounds > 1) future.settled = !vouch(future, vouchedFor)
    else {
      const nextMs = isDue ? plan.nextRoundMs! : future.now.nowMs + regularRoundMs
      future.now = { ...future.now, nowMs: nextMs, lastRoundMs: nextMs }
    }
  }
}

/** Does what `fence confirm` does for nodes that hold something which nothing else has closed; true where there was any. */
function vouch(future: Future, names: readonly NodeName[]): boolean {
  const changes: Change[] = []
  const services = new ServiceTable(future.now.services)
  const why = 'a person confirmed that it is dead'
  for (const node of names) {
    const holders = holdersOf(services, node, services.sids())
    const epochs = new Set(holders.map((holder) => holder.epoch))
    const { lease } = future.now.nodes[node]!
    if (epochs.size > 0 && lease.bootId !== null)
      changes.push({ kind: 'lease.revoked', node, epoch: lease.epoch, mode: 'operator', why })
    for (const epoch of epochs) {
      const evidence = { evidence: 'operator', scope: null, facts: {} } as const
      changes.push({ kind: 'evidence.recorded', node, epoch, ...evidence, why })
    }
  }
  future.now = applyChanges(future.now, changes)
  for (const change of changes) future.happenings.push({ atMs: future.now.nowMs, change })
  return changes.length > 0
}

/** Plays to the end at once: for small views and for tests. */
export function foreseeAtOnce(view: ClusterView, hypothesis: Hypothesis): Foreseen {
  const steps = foresee(view, hypothesis)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}
