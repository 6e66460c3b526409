// What operators do all day while faults happen: they ask for sensible and for impossible things over a network that loses
// and delays as the machines' own does, and now and then for what is no request at all.
import type { FaultRates } from './fault-rates.ts'
import { haveHabits } from './habits.ts'
import { anyMistake, faultIn } from './mistakes.ts'
import { answerOf } from './operator.ts'
import type { Chance } from './random.ts'
import { answerText, randomWish } from './random-wishes.ts'
import type { World } from './world.ts'

const slowMs = 8_000

/** Each `rates.operators` times an hour. */
export type Every = (stream: string, act: (chance: Chance) => void) => void

/** @param isAtConsole they are answered at once, lose nothing and make no mistakes */
export function peopleAsk(
  world: World,
  rates: FaultRates,
  chance: Chance,
  isAtConsole: boolean,
  every: Every,
): void {
  const { operator, link } = world.remote
  every('operators', (drawn) => {
    void randomWish(world, isAtConsole ? world.operator : operator, drawn)
  })
  if (isAtConsole) return
  haveHabits(operator, chance.stream('habits'))
  const { lostMessages, repeatedMessages, slowMessages } = rates
  link.beUsually({ lost: lostMessages, repeated: repeatedMessages, slow: slowMessages, slowMs })
  every('mistakes', (drawn) => void makeMistake(world, drawn))
}

async function makeMistake(world: World, chance: Chance): Promise<void> {
  const { sids, machines, remote } = world
  const nodes = machines.map(({ name }) => name)
  const mistake = anyMistake({ sids, nodes }, chance)
  const reply = await remote.operator.ask(mistake.by, mistake.request)
  world.trace.say('operator', `${mistake.what}: ${answerText(answerOf(reply))}`)
  if (reply) world.scheduler.tally.note('judged: refusal of a mistake')
  const fault = reply && faultIn(mistake, reply)
  if (fault) world.checks.violate(fault)
}
