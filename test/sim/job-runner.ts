// The job queue of a world, as far as orders to fence devices go: a job comes to some replica soon, or late, twice, or never.
import type { PlannedJob } from '../../control-plane/cluster/plan.ts'
import { jobQueues } from '../../control-plane/jobs/queues.ts'
import type { OrderName } from '../../control-plane/fence/fence-store.ts'
import type { Chance } from './random.ts'
import type { Replica } from './replica.ts'
import type { Scheduler } from './scheduler.ts'

/** Probabilities for each job. */
export const noJobFaults = { lost: 0, twice: 0, late: 0 }

export class JobRunner {
  faults = { ...noJobFaults }
  private readonly scheduler: Scheduler
  private readonly replicas: Replica[]
  private readonly chance: Chance

  constructor(scheduler: Scheduler, replicas: Replica[], chance: Chance) {
    this.scheduler = scheduler
    this.replicas = replicas
    this.chance = chance
  }

  take(clusterId: number, jobs: readonly PlannedJob[]): void {
    for (const job of jobs) {
      // The others only ask for a round, which comes by itself.
      if (job.job !== 'fence-node' || job.order === undefined) continue
      const { node, epoch, order } = job
      const { lost, twice } = this.faults
      if (this.chance.chance(lost)) {
        this.scheduler.tally.note('lostJobs')
        continue
      }
      this.bring({ clusterId, node, epoch, order })
      if (!this.chance.chance(twice)) continue
      this.scheduler.tally.note('repeatedJobs')
      this.bring({ clusterId, node, epoch, order })
    }
  }

  /** As its queue has it (control-plane/jobs/queues.ts). */
  switchOnLater(name: OrderName, attempt = 0): void {
    const { retryLimit, retryDelayMax } = jobQueues['switch-on-node']
    const backOffMs =
      attempt === 0 ? 1_000 : 1_000 * Math.min(retryDelayMax, 2 ** Math.min(attempt, 10))
    this.scheduler.after(backOffMs, () => {
      const up = this.replicas.filter((replica) => replica.isUp)
      if (up.length === 0) return
      const again = () => this.switchOnLater(name, attempt + 1)
      this.chance.pick(up).switchOn(name, attempt < retryLimit ? again : () => {})
    })
  }

  private bring(name: OrderName): void {
    const { chance, faults } = this
    const isLate = chance.chance(faults.late)
    if (isLate) this.scheduler.tally.note('lateJobs')
    const ms = isLate ? chance.between(0, 120_000) : chance.between(5, 1_000)
    this.scheduler.after(ms, () => {
      const up = this.replicas.filter((replica) => replica.isUp)
      if (up.length > 0) chance.pick(up).fence(name)
    })
  }
}
