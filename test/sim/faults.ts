// Lets the faults of a seed happen to a world, and ends them all.
import { noFaults } from './behaviour.ts'
import { noJobFaults } from './job-runner.ts'
import type { FaultName, FaultRates } from './fault-rates.ts'
import { machineFaults, siteFaults, timedFaults } from './fault-rates.ts'
import type { Machine } from './machine.ts'
import { noPauses } from './machine-parts.ts'
import type { Chance } from './random.ts'
import { peopleAsk } from './people-ask.ts'
import { isMember, readmit, reinstall } from './readmit.ts'
import { happenInTime } from './timed-faults.ts'
import { happenToSite } from './site-faults.ts'
import type { World } from './world.ts'

const seconds = 1_000

export class Faults {
  private readonly world: World
  private readonly rates: FaultRates
  private readonly chance: Chance
  /** Operators ask at the console only, rightly, and are answered at once. */
  private readonly isAtConsole: boolean
  private isOver = false

  constructor(world: World, rates: FaultRates, chance: Chance, isAtConsole = false) {
    this.world = world
    this.isAtConsole = isAtConsole
    this.rates = rates
    this.chance = chance
  }

  begin(): void {
    const { world, rates } = this
    for (const machine of world.machines) {
      machine.link.beUsually({
        ...{ lost: rates.lostMessages, repeated: rates.repeatedMessages },
        ...{ slow: rates.slowMessages, slowMs: 8 * seconds },
      })
      machine.pauses = {
        ...{ feed: rates.pauseBeforeFeed, act: rates.pauseBeforeAct },
        // Very much is sent.
        ...{ send: rates.pauseBeforeSend / 20, mostMs: 40 * seconds },
      }
      for (const fault of machineFaults)
        this.every(fault, `${machine.name}/${fault}`, (chance) =>
          happenToMachine(world, machine, fault, chance),
        )
    }
    const { lostAnswers, conflicts, startFails, startCrashes, startHangs, lateStops } = rates
    world.lostDoorbells = rates.lostDoorbells * 5
    world.database.faults = { lostAnswers, conflicts }
    world.behaviours.faults = {
      ...{ fail: startFails, crash: startCrashes, hang: startHangs, lateAnswer: lateStops },
      ...{ lie: rates.startLies, boast: rates.startBoasts },
    }
    // Moves are few: where people ask for many, they go wrong oftener as well.
    const moves = rates.moveWish > 0 ? 5 : 1
    world.behaviours.moveFaults = { fail: rates.moveFails * moves, late: rates.moveLate * moves }
    this.beginFencing()
    for (const fault of siteFaults)
      this.every(fault, fault, (chance) => happenToSite(world, fault, chance))
    for (const fault of timedFaults)
      this.every(fault, fault, (chance) => happenInTime(world, fault, chance))
    peopleAsk(world, rates, this.chance, this.isAtConsole, (stream, act) =>
      this.every('operators', stream, act),
    )
  }

  /** A device answers well, as a rule; so few of its calls there are that it does not much oftener than all else. */
  private beginFencing(): void {
    const { world, rates } = this
    const { lostJobs, repeatedJobs, lateJobs } = rates
    world.jobs.faults = { lost: lostJobs * 5, twice: repeatedJobs * 5, late: lateJobs * 5 }
    const chance = this.chance.stream('power')
    for (const { name } of world.machines)
      for (const device of world.fencing.of(name)) {
        device.faults = {
          ...{ refuses: rates.fenceRefuses * 5, lies: rates.fenceLies * 5 },
          ...{ wrong: rates.fenceWrong * 5, slow: rates.fenceSlow * 5, slowMs: 20 * seconds },
        }
        device.onCut = () =>
          world.scheduler.after(chance.between(0.5, 300) * seconds, () => {
            if (!this.isOver) world.fencing.restorePower(world.node(name))
          })
      }
  }

  /** Nothing new happens from here on, and everything is whole again. */
  end(): void {
    this.isOver = true
    const { world } = this
    world.lostDoorbells = 0
    world.database.onStatement.clear()
    world.database.faults = { lostAnswers: 0, conflicts: 0 }
    world.behaviours.faults = { ...noFaults }
    world.behaviours.moveFaults = { fail: 0, late: 0 }
    world.jobs.faults = { ...noJobFaults }
    world.remote.link.beUsually({})
    for (const machine of world.machines) {
      machine.link.heal()
      machine.link.beUsually({})
      machine.pauses = { ...noPauses }
      machine.disk.fault = null
      machine.guests.stuck.clear()
      machine.guests.blind.clear()
      machine.agent?.process.resume()
      for (const device of world.fencing.of(machine.name)) device.repair()
      world.fencing.restorePower(machine)
    }
    for (const replica of world.replicas) {
      world.database.reconnect(replica.name)
      replica.process?.resume()
      replica.start()
    }
  }

  /** Again and again, at random, `rate` times an hour. */
  private every(name: FaultName | 'operators', stream: string, act: (chance: Chance) => unknown) {
    const chance = this.chance.stream(stream)
    const next = () => {
      const waitMs = chance.waitMs(this.rates[name])
      if (!Number.isFinite(waitMs)) return
      this.world.scheduler.after(waitMs, () => {
        if (this.isOver) return
        if (name !== 'operators') this.world.trace.say('fault', stream)
        if (act(chance) !== false && name !== 'operators') this.world.scheduler.tally.note(name)
        next()
      })
    }
    next()
  }
}

/** False: there was nothing that it could have happened to. */
function happenToMachine(
  world: World,
  machine: Machine,
  fault: (typeof machineFaults)[number],
  chance: Chance,
): void | false {
  const { scheduler } = world
  const later = (ms: number, act: () => void) => void scheduler.after(ms, act)
  const anyGuest = () => chance.pick([...machine.guests.running.keys()])
  switch (fault) {
    case 'powerLoss':
      return machine.powerOff('power lost', chance.between(1, 300) * seconds)
    case 'reset':
      return machine.powerOff('reset', chance.between(0.2, 5) * seconds)
    case 'cut':
      machine.link.cut()
      return later(chance.between(1, 200) * seconds, () => machine.link.heal())
    case 'oneWayCut':
      machine.link.cut(chance.pick(['up', 'down'] as const))
      return later(chance.between(1, 200) * seconds, () => machine.link.heal())
    case 'badLink': {
      const { link } = machine
      link.quality = { ...link.quality, lost: 0.3, slow: 0.5, slowMs: 10 * seconds }
      return later(chance.between(5, 120) * seconds, () => link.recover())
    }
    case 'agentCrash':
      return machine.crashAgent()
    case 'crashLoop': {
      const times = 2 + chance.below(15)
      const everyMs = chance.between(0.5, 9) * seconds
      for (let time = 0; time < times; time++) later(time * everyMs, () => machine.crashAgent())
      return
    }
    case 'agentPause':
      if (!machine.agent) return false
      return machine.agent.process.pauseFor(chance.between(0.5, 90) * seconds)
    case 'agentRestart':
      return machine.signal('restart')
    case 'shutdown':
      return machine.signal('shutdown')
    case 'guestCrash':
      if (machine.guests.running.size === 0) return false
      return machine.crashGuest(anyGuest(), chance.chance(0.5))
    case 'guestStuck': {
      if (machine.guests.running.size === 0) return false
      const sid = anyGuest()
      machine.guests.stuck.add(sid)
      return later(chance.between(1, 200) * seconds, () => machine.guests.stuck.delete(sid))
    }
    case 'driverHangs': {
      const { blind } = machine.guests
      const type = chance.pick(['process', 'vm', 'ct', 'ocf'])
      blind.add(type)
      return later(chance.between(1, 200) * seconds, () => blind.delete(type))
    }
    case 'diskFault':
      machine.disk.fault = chance.pick(['EIO', 'ENOSPC'] as const)
      return later(chance.between(1, 120) * seconds, () => {
        machine.disk.fault = null
      })
    case 'journalLoss':
      machine.crashAgent('its journal is lost')
      return machine.loseHome('journal')
    case 'fenceDark':
      if (world.fencing.of(machine.name).length === 0) return false
      for (const device of world.fencing.of(machine.name)) {
        device.isDark = true
        later(chance.between(1, 200) * seconds, () => {
          device.isDark = false
        })
      }
      return
    case 'fencePlugged': {
      const [device] = world.fencing.of(machine.name)
      if (!device) return false
      device.other = chance.pick(world.machines)
      return later(chance.between(1, 300) * seconds, () => {
        device.other = null
      })
    }
    case 'fenceSetUp':
      if (world.fencing.of(machine.name).length === 0) return false
      return world.setUpFencing(machine.name)
    case 'reinstall': {
      reinstall(machine, chance.chance(0.5), chance.between(10, 200) * seconds)
      const again = async () => {
        // Where no proof comes, as in a quarantine, those who wiped it know that nothing of it is left.
        if ((await readmit(world, machine)) === 'grants-open' && chance.chance(0.3))
          await world.operator.confirmDead(machine.name)
        if (!isMember(world, machine)) later(chance.between(5, 40) * seconds, () => void again())
      }
      return later(chance.between(5, 40) * seconds, () => void again())
    }
    case 'wallStep':
      machine.clock.wallErrorMs += chance.between(-3_600, 3_600) * seconds
  }
}
