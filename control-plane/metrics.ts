// What a replica tells Prometheus (/metrics). For operators only: nothing is ever decided on a metric.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  registry: Registry
  renewalsGranted: Counter
  renewalsRefused: Counter<'code'>
  renewalBatch: Histogram
  rounds: Counter<'result'>
  changes: Counter<'kind'>
  roundsJournaled: Counter<'result'>
  worstStall: Gauge<'cluster' | 'node'>
}

export type Readings = { parkedPolls(): number }

export function createMetrics(readings: Readings): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  new Gauge({
    name: 'holdfast_parked_polls',
    help: 'Long polls for desired states that wait on this replica',
    registers,
    collect() {
      this.set(readings.parkedPolls())
    },
  })
  return {
    registry,
    renewalsGranted: new Counter({
      name: 'holdfast_renewals_granted_total',
      help: 'Lease renewals committed by this replica',
      registers,
    }),
    renewalsRefused: new Counter({
      name: 'holdfast_renewals_refused_total',
      help: 'Lease renewals not granted, by reason',
      labelNames: ['code'],
      registers,
    }),
    renewalBatch: new Histogram({
      name: 'holdfast_renewal_batch_size',
      help: 'Renewals in one commit',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    }),
    rounds: new Counter({
      name: 'holdfast_rounds_total',
      help: 'CRM rounds begun by this replica, by how they ended',
      labelNames: ['result'],
      registers,
    }),
    changes: new Counter({
      name: 'holdfast_changes_total',
      help: 'Changes decided by this replica, by kind',
      labelNames: ['kind'],
      registers,
    }),
    worstStall: new Gauge({
      name: 'holdfast_agent_stall_worst_seconds',
      help: 'How late the latest decision of a node’s agent came in about its last hour, as it last told this replica',
      labelNames: ['cluster', 'node'],
      registers,
    }),
    roundsJournaled: new Counter({
      name: 'holdfast_rounds_journaled_total',
      help: 'Rounds that changed something, by what became of their record: stored with the round or later, dropped, failed',
      labelNames: ['result'],
      registers,
    }),
  }
}
