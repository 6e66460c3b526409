// One replica of the control plane, put together. Holds no state that another replica could miss: whatever is in memory
// here is a cache, a parked request or a clock pair.
import { serve } from '@hono/node-server'
import type { Server } from 'node:http'
import { PgBoss } from 'pg-boss'
import type { Logger } from 'pino'
import { type Clock, systemClock, systemTimers } from '../shared/clock.ts'
import { type Random, systemRandom } from '../shared/random.ts'
import type { Config } from './config.ts'
import { Engine } from './crm/engine.ts'
import { listen } from './doorbell.ts'
import type { FenceDeps } from './fence/fence-node.ts'
import { enqueueSwitchOn } from './jobs/enqueue.ts'
import { postgresFenceStore } from './fence/fence-store.ts'
import { openDevice } from './fence/open-device.ts'
import { createApp } from './http/app.ts'
import { postgresOperatorStore } from './http/operator-store.ts'
import { agentRoutes } from './http/routes/agent.ts'
import { workJobs } from './jobs/work.ts'
import { hostBootId, recallPairs, storePair } from './lease/clock-pairs.ts'
import { ClockWitness } from './lease/clock-witness.ts'
import { DesiredPolls } from './lease/desired-polls.ts'
import { postgresLane } from './lease/lease-lane.ts'
import { Renewals } from './lease/renewals.ts'
import { HealthReports, UsageReports } from './lease/usage-reports.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { postgresAgentStore } from './store/agent-store.ts'
import { type Connections, connect } from './store/connect.ts'
import { RoundJournal } from './store/journal/round-journal.ts'
import { writeNodeHealth } from './store/node-health.ts'
import { writeNodeUsage } from './store/node-usage.ts'
import { postgresRoundStore } from './store/round-store.ts'
import { ViewCache } from './store/view/view-cache.ts'

/** A statement that takes longer has met a dead connection or a stuck lock. */
const deadlineMs = 2_500
const presenceMs = 5_000

export type Plane = { url: string; port: number; close(): Promise<void> }

export async function startPlane(config: Config, log: Logger): Promise<Plane> {
  const clock = systemClock()
  const random = systemRandom()
  const connections = connect(config.databaseUrl, { silentMs: deadlineMs, log })
  const witness = new ClockWitness()
  const bootId = hostBootId()
  await recallPairs(connections.general, bootId, witness)
  const boss = await startBoss(config.databaseUrl, log)
  const polls = new DesiredPolls()
  const metrics = createMetrics({ parkedPolls: () => polls.size })
  const journal = new RoundJournal({
    sql: connections.general,
    log,
    kept: metrics.roundsJournaled,
  })
  const engine = new Engine({
    store: postgresRoundStore(connections.rounds, boss, new ViewCache(), journal),
    timers: systemTimers,
    witness,
    random,
    clock,
    log,
    replica: config.replica,
    wakeNodes: (uids) => polls.wake(uids),
    roundDeadlineMs: deadlineMs,
    metrics,
  })
  const ring = (clusterId: number) => engine.ring(clusterId)
  const renewals = new Renewals({
    openLane: () => postgresLane(config.databaseUrl),
    clock,
    timers: systemTimers,
    witness,
    log,
    ring,
    deadlineMs,
    metrics,
  })
  const doorbell = await listen({
    url: config.databaseUrl,
    log,
    replica: config.replica,
    ringCluster: ring,
    ringAllClusters: () => engine.ringAll(),
    wakeNodes: (uids) => polls.wake(uids),
    wakeAllNodes: () => polls.wakeAll(),
  })
  const usage = new UsageReports({
    write: (rows) => writeNodeUsage(connections.general, rows),
    ...{ timers: systemTimers, log },
  })
  const health = new HealthReports({
    write: (rows) => writeNodeHealth(connections.general, rows),
    ...{ timers: systemTimers, log },
  })
  const fence: FenceDeps = {
    store: postgresFenceStore(connections.general, config.replica),
    open: openDevice,
    ...{ clock, timers: systemTimers, log, ring },
    switchOnLater: (name) => enqueueSwitchOn(boss, name),
  }
  await workJobs({ boss, sql: connections.general, random, log, ring, fence })
  engine.start()
  const parts = {
    config,
    log,
    clock,
    random,
    connections,
    boss,
    renewals,
    polls,
    usage,
    health,
    engine,
    metrics,
  }
  const app = buildApp(parts)
  const server = await openServer(app.fetch, config)
  const port = (server.address() as { port: number }).port
  const presence = keepPresence(config, connections, log, () =>
    storePair(connections.general, bootId, witness),
  )
  return {
    url: config.url,
    port,
    close: async () => {
      clearInterval(presence)
      engine.stop()
      polls.close()
      usage.close()
      health.close()
      server.close()
      server.closeIdleConnections()
      setTimeout(() => server.closeAllConnections(), 500).unref()
      await boss.stop({ graceful: false, close: true })
      await doorbell.close()
      await renewals.close()
      await connections.close()
    },
  }
}

type Parts = {
  config: Config
  log: Logger
  clock: Clock
  random: Random
  connections: Connections
  boss: PgBoss
  renewals: Renewals
  polls: DesiredPolls
  usage: UsageReports
  health: HealthReports
  engine: Engine
  metrics: Metrics
}

function buildApp(parts: Parts) {
  const { config, log, clock, random, connections, boss, renewals, polls, usage, health, engine } =
    parts
  const ring = (clusterId: number) => engine.ring(clusterId)
  const sql = connections.general
  return createApp({
    store: postgresOperatorStore(sql, boss),
    sql,
    clock,
    random,
    log,
    replica: { name: config.replica, url: config.url },
    ring,
    metrics: parts.metrics.registry,
    agentRoutes: agentRoutes({
      store: postgresAgentStore(sql, random),
      clock,
      log,
      renewals,
      polls,
      usage,
      health: {
        note(node, told) {
          health.note(node.clusterId, node.nodeUid, told)
          const names = { cluster: node.clusterName, node: node.name }
          if (told.stalls) parts.metrics.worstStall.set(names, told.stalls.worstMs / 1000)
        },
      },
      ring,
    }),
    // Ready while it can look at the database: a replica that cannot grants nothing.
    ready: async () =>
      clock.bootMs() - engine.lastLookMs < 3_000 ? null : 'the database cannot be reached',
  })
}

async function startBoss(url: string, log: Logger): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: url,
    max: 4,
    useListenNotify: true,
    supervise: true,
    schedule: true,
    migrate: false,
    application_name: 'holdfast-jobs',
  })
  boss.on('error', (error) => log.warn({ err: error }, 'job queue'))
  await boss.start()
  return boss
}

function openServer(fetch: Parameters<typeof serve>[0]['fetch'], config: Config): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({
      fetch,
      port: config.port,
      hostname: config.host,
      serverOptions: { keepAliveTimeout: 75_000, headersTimeout: 76_000, requestTimeout: 0 },
    }) as Server
    server.once('error', reject)
    server.once('listening', () => resolve(server))
  })
}

/** Tells the others that this replica lives, for `status` only, and keeps its clock pairs for a successor. */
function keepPresence(
  config: Config,
  connections: Connections,
  log: Logger,
  keepPair: () => Promise<void>,
): NodeJS.Timeout {
  const once = async () => {
    try {
      await connections.general`
        insert into replica (name, url, started_at, seen_at)
        values (${config.replica}, ${config.url}, clock_timestamp(), clock_timestamp())
        on conflict (name) do update set url = excluded.url, seen_at = excluded.seen_at`
      await keepPair()
    } catch (error) {
      log.warn({ err: error }, 'cannot write presence')
    }
  }
  void once()
  return setInterval(() => void once(), presenceMs)
}
