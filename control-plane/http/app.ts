// The whole HTTP surface of one replica: agent routes, operator API, documentation, status page, health.
// Order matters: limits and headers for everyone, then authentication, then the cluster's scope, then routes.
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Env } from './auth.ts'
import type { HttpDeps } from './deps.ts'
import { eventFeed } from './event-feed.ts'
import { heavyWork } from './heavy-work.ts'
import { admitOperators, boundRequests, emptyApp, operatorRoutes } from './operator-api.ts'
import { auditRoutes } from './routes/audit.ts'
import { clusterRoutes } from './routes/clusters.ts'
import { answerRoutes, describeRoutes } from './routes/describe.ts'
import { addDocs } from './routes/docs.ts'
import { eventRoutes } from './routes/events.ts'
import { fenceDeviceRoutes } from './routes/fence-devices.ts'
import { healthRoutes } from './routes/health.ts'
import { joinTokenRoutes } from './routes/join-tokens.ts'
import { nodeToolRoutes } from './routes/node-tools.ts'
import { roundRoutes } from './routes/rounds.ts'
import { scenarioRoutes } from './routes/scenario.ts'
import { placementRoutes } from './routes/placement.ts'
import { pageRoutes } from './routes/page.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { whatIfRoutes } from './routes/what-if.ts'
import { whyRoutes } from './routes/why.ts'

/** Builds the application; nothing is opened before the first request. */
export function createApp(deps: HttpDeps): OpenAPIHono<Env> {
  const app = emptyApp(deps)
  const feed = eventFeed(deps)
  const heavy = heavyWork(deps.clock)
  // Before the limit, which would build a stream for every renewal: these routes bound their bodies by what is announced.
  if (deps.agentRoutes) app.route('/agent/v1', deps.agentRoutes)
  boundRequests(app)
  app.route('/', healthRoutes(deps))
  app.route('/', pageRoutes(deps, feed))
  app.route('/agent/v1', nodeToolRoutes(deps, feed))
  app.route('/agent/v1', answerRoutes(deps))

  admitOperators(app, deps)
  app.route('/api/v1', clusterRoutes(deps))
  for (const routes of [
    ...operatorRoutes(deps, feed),
    fenceDeviceRoutes(deps),
    describeRoutes(deps, feed),
    eventRoutes(deps, feed),
    whyRoutes(deps),
    placementRoutes(deps),
    whatIfRoutes(deps, heavy),
    roundRoutes(deps, heavy),
    scenarioRoutes(deps, heavy),
    tokenRoutes(deps),
    joinTokenRoutes(deps),
    auditRoutes(deps),
  ])
    app.route('/api/v1/clusters/:cluster', routes)
  addDocs(app)
  return app
}
