// What happens to the replicas of the plane, and to its database.
import type { siteFaults } from './fault-rates.ts'
import type { Chance } from './random.ts'
import type { World } from './world.ts'

const seconds = 1_000

export function happenToSite(
  world: World,
  fault: (typeof siteFaults)[number],
  chance: Chance,
): void {
  const { scheduler, database, replicas } = world
  const replica = chance.pick(replicas)
  switch (fault) {
    case 'replicaKill':
      replica.kill()
      return void scheduler.after(chance.between(0.2, 60) * seconds, () => replica.start())
    case 'replicaPause':
      return replica.process?.pauseFor(chance.between(0.05, 60) * seconds)
    case 'allReplicas':
      for (const one of replicas) {
        one.kill()
        scheduler.after(chance.between(1, 120) * seconds, () => one.start())
      }
      return
    case 'databaseCut':
      database.cutOff(replica.name)
      return void scheduler.after(chance.between(0.5, 90) * seconds, () =>
        database.reconnect(replica.name),
      )
    case 'databaseStall':
      return database.stall(chance.between(0.1, 60) * seconds)
    case 'databaseRestart':
      return database.restart(chance.between(0.5, 60) * seconds)
    case 'databaseFailover':
      return database.failOver(chance.between(0.5, 60) * seconds, 0)
    case 'databaseLoss':
      return database.failOver(
        chance.between(0.5, 60) * seconds,
        chance.between(0.001, 15) * seconds,
      )
    case 'databaseClockStep':
      return database.step(chance.between(-120, 120) * seconds)
  }
}
