// What nodes say they use, and what they tell of their machines: gathered beside the renewals that bring it.
import type { NodeHealth } from '../../shared/node-health.ts'
import type { NodeUsage } from '../../shared/scheduling.ts'
import type { HealthRow } from '../store/node-health.ts'
import type { UsageRow } from '../store/node-usage.ts'
import { GatheredReports, type GatheredReportsDeps } from './gathered-reports.ts'

type Deps<Row> = Omit<GatheredReportsDeps<Row>, 'about'>

export class UsageReports {
  private readonly gathered: GatheredReports<UsageRow>

  constructor(deps: Deps<UsageRow>) {
    this.gathered = new GatheredReports({ ...deps, about: 'usage of nodes' })
  }

  /** Takes a report in. Returns at once, and never throws. */
  note(clusterId: number, nodeUid: string, usage: NodeUsage): void {
    this.gathered.put({ clusterId, nodeUid, usage })
  }

  close(): void {
    this.gathered.close()
  }
}

export class HealthReports {
  private readonly gathered: GatheredReports<HealthRow>

  constructor(deps: Deps<HealthRow>) {
    this.gathered = new GatheredReports({ ...deps, about: 'health of nodes' })
  }

  /** Takes a report in. Returns at once, and never throws. */
  note(clusterId: number, nodeUid: string, health: NodeHealth): void {
    this.gathered.put({ clusterId, nodeUid, health })
  }

  close(): void {
    this.gathered.close()
  }
}
