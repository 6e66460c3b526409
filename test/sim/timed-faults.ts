// Faults that wait for the moment at which they hurt, which blind chance would nearly never hit: in the middle of a round,
// right after what a failover then loses, while a service is moved live, or while nobody manages what runs.
import type { Change } from '../../control-plane/cluster/change.ts'
import type { timedFaults } from './fault-rates.ts'
import type { Machine } from './machine.ts'
import { answerText } from './random-wishes.ts'
import type { Chance } from './random.ts'
import type { World } from './world.ts'

const seconds = 1_000

/** False: there was nothing that it could have happened to. */
export function happenInTime(
  world: World,
  fault: (typeof timedFaults)[number],
  chance: Chance,
): void | false {
  switch (fault) {
    case 'roundKill':
      return atSomeStatement(world, chance, (name) => {
        const replica = world.replicas.find((one) => one.name === name)!
        replica.kill()
        world.scheduler.after(chance.between(0.2, 30) * seconds, () => replica.start())
      })
    case 'roundPause':
      return atSomeStatement(world, chance, (name) => {
        const replica = world.replicas.find((one) => one.name === name)!
        replica.process?.pauseFor(chance.between(0.05, 8) * seconds)
      })
    case 'decisionLoss':
      return loseDecision(world, chance)
    case 'moveWish':
      return wishMove(world, chance)
    case 'disarmSpell':
      return void disarmForAWhile(world, chance)
  }
}

/** As soon as the database has carried out some statement of some round, and nobody was told yet. */
function atSomeStatement(world: World, chance: Chance, act: (replica: string) => void): void {
  const { onStatement } = world.database
  let left = chance.below(7)
  const look = (replica: string) => {
    if (left-- > 0) return
    onStatement.delete(look)
    act(replica)
  }
  onStatement.add(look)
}

const losable: readonly Change['kind'][] = [
  'grant.opened',
  'grant.shared',
  'evidence.recorded',
  'lease.revoked',
  'lease.opened',
]

/** A failover loses what was decided a moment ago, or only what came of it since. */
function loseDecision({ scheduler, database, onChange }: World, chance: Chance): void {
  const kind = chance.pick(losable)
  let isOver = false
  scheduler.after(60 * seconds, () => {
    isOver = true
  })
  onChange.push(({ change }) => {
    if (isOver || change.kind !== kind) return
    isOver = true
    const decidedMs = scheduler.nowMs
    // Of any order of magnitude: in between it is confirmed, and begun.
    scheduler.after(3 * seconds * 10 ** chance.between(-3.5, 0), () => {
      const sinceMs = scheduler.nowMs - decidedMs
      const lossMs = chance.chance(0.7) ? sinceMs + 0.001 : chance.between(0, sinceMs)
      database.failOver(chance.between(0.2, 20) * seconds, lossMs)
    })
  })
}

/** A person moves something that runs and can move live. */
function wishMove(world: World, chance: Chance): void | false {
  const live = world.machines.flatMap(({ name, guests }) =>
    [...guests.running.keys()].flatMap((sid) =>
      sid.startsWith('process:') ? [] : [{ sid, from: name }],
    ),
  )
  if (live.length === 0) return false
  const { sid, from } = chance.pick(live)
  const to = chance.pick(world.machines.filter(({ name }) => name !== from)).name
  void world.remote.operator
    .command('migrate', sid, to)
    .then((answer) => world.trace.say('operator', `migrate ${sid} ${to}: ${answerText(answer)}`))
}

/** For so long after it took effect nothing is moved by hand: no failover can undo the disarm any more. */
const surelyMs = 21 * seconds

/** The cluster is disarmed and armed again; where nothing is managed meanwhile, people move what runs by hand (S13). */
async function disarmForAWhile(world: World, chance: Chance): Promise<void> {
  const { scheduler, operator, trace } = world
  const mode = chance.pick(['freeze', 'ignore', 'ignore'] as const)
  const answer = await operator.disarm(mode)
  trace.say('operator', `disarm ${mode}: ${answerText(answer)}`)
  if (!answer.accepted) return
  const untilMs = scheduler.nowMs + chance.between(5, 120) * seconds
  const arm = async () => {
    // Whatever stands in the way of it: somebody tries until it is done.
    const armed = await operator.arm()
    trace.say('operator', `arm: ${answerText(armed)}`)
    if (!armed.accepted && operator.view().disarm !== null) scheduler.after(5 * seconds, again)
  }
  const again = () => void arm()
  scheduler.at(untilMs, again)
  if (mode === 'freeze') return
  for (let times = chance.below(5); times > 0; times--)
    scheduler.at(chance.between(scheduler.nowMs + surelyMs, untilMs), () => {
      if (scheduler.nowMs < untilMs) moveByHand(world, chance)
    })
}

/** Between two machines that have let go of what they run. */
function moveByHand(world: World, chance: Chance): void {
  const { disarm, nowMs } = world.operator.view()
  if (disarm?.mode !== 'ignore' || disarm.state !== 'disarmed') return
  if (disarm.effectiveMs === null || nowMs < disarm.effectiveMs + surelyMs) return
  const free = world.machines.filter((one) => one.isOn && world.checks.recorder.isLetGo(one))
  const movable = free.flatMap((machine) => whole(machine).map((sid) => ({ sid, machine })))
  if (movable.length === 0) return
  const { sid, machine } = chance.pick(movable)
  const targets = free.filter(
    (one) => one !== machine && one.device.kind.class !== 'none' && !knows(one, sid),
  )
  if (targets.length === 0) return
  const target = chance.pick(targets)
  const guest = machine.guests.running.get(sid)!
  machine.guests.running.delete(sid)
  target.guests.running.set(sid, guest)
  world.scheduler.tally.note('services moved by hand')
  world.trace.say('operator', `moves ${sid} by hand from ${machine.name} to ${target.name}`)
}

/** What runs there, and has no other half anywhere. */
function whole({ guests }: Machine): string[] {
  return [...guests.running.values()].flatMap(({ sid, state }) =>
    state === 'running' && !guests.outgoing.has(sid) && !guests.stuck.has(sid) ? [sid] : [],
  )
}

function knows({ guests }: Machine, sid: string): boolean {
  const { running, pending, incoming, outgoing, sent } = guests
  return [running, pending, incoming, outgoing, sent].some((some) => some.has(sid))
}
