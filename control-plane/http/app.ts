// The whole HTTP surface of one replica: agent routes, operator API, documentation, status page, health.
// Order matters: limits and headers for everyone, then authentication, then the cluster's scope, then routes.
import { OpenAPIHono } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { auditRefusals } from './audit.ts'
import { authenticate, type Env, scopeToCluster } from './auth.ts'
import type { HttpDeps } from './deps.ts'
import { errorHandler, notFoundHandler, ProblemError, requireJson, throwInvalid } from './errors.ts'
import { eventFeed } from './event-feed.ts'
import { heavyWork } from './heavy-work.ts'
import { auditRoutes } from './routes/audit.ts'
import { clusterCommandRoutes } from './routes/cluster-commands.ts'
import { clusterRoutes } from './routes/clusters.ts'
import { commandRoutes } from './routes/commands.ts'
import { addDocs } from './routes/docs.ts'
import { eventRoutes } from './routes/events.ts'
import { fenceDeviceRoutes } from './routes/fence-devices.ts'
import { groupRoutes } from './routes/groups.ts'
import { healthRoutes } from './routes/health.ts'
import { importRoutes } from './routes/import.ts'
import { joinTokenRoutes } from './routes/join-tokens.ts'
import { nodeToolRoutes } from './routes/node-tools.ts'
import { nodeRoutes } from './routes/nodes.ts'
import { operationRoutes } from './routes/operations.ts'
import { ruleMemberRoutes } from './routes/rule-members.ts'
import { ruleRoutes } from './routes/rules.ts'
import { roundRoutes } from './routes/rounds.ts'
import { scenarioRoutes } from './routes/scenario.ts'
import { serviceRoutes } from './routes/services.ts'
import { placementRoutes } from './routes/placement.ts'
import { pageRoutes } from './routes/page.ts'
import { settingsRoutes } from './routes/settings.ts'
import { statusRoutes } from './routes/status.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { whatIfRoutes } from './routes/what-if.ts'
import { whyRoutes } from './routes/why.ts'

/** design: bodies ≤ 1 MiB. */
const longestBody = 1024 * 1024

/** Builds the application; nothing is opened before the first request. */
export function createApp(deps: HttpDeps): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>({ defaultHook: (result) => throwInvalid(result as never) })
  const feed = eventFeed(deps)
  const heavy = heavyWork(deps.clock)
  app.onError(errorHandler(deps))
  app.notFound(notFoundHandler(() => app.routes))
  // Before the limit, which would build a stream for every renewal: these routes bound their bodies by what is announced.
  if (deps.agentRoutes) app.route('/agent/v1', deps.agentRoutes)
  app.use(
    bodyLimit({
      maxSize: longestBody,
      onError: () => {
        // The rest of the body is never read: this connection cannot be used again.
        throw new ProblemError(413, 'body-too-large', 'the body may have at most 1 MiB', {
          headers: { connection: 'close' },
        })
      },
    }),
  )

  app.use(secureHeaders({ xFrameOptions: 'DENY', strictTransportSecurity: false }))
  app.route('/', healthRoutes(deps))
  app.route('/', pageRoutes(deps, feed))
  app.route('/agent/v1', nodeToolRoutes(deps, feed))

  app.use('/api/v1/*', async (context, next) => {
    await next()
    context.res.headers.set('cache-control', 'no-store')
  })
  app.use('/api/v1/*', auditRefusals(deps), authenticate(deps), requireJson)
  app.use('/api/v1/clusters/:cluster/*', scopeToCluster(deps))
  app.route('/api/v1', clusterRoutes(deps))
  for (const routes of [
    statusRoutes(deps),
    nodeRoutes(deps),
    fenceDeviceRoutes(deps),
    clusterCommandRoutes(deps, feed),
    serviceRoutes(deps, feed),
    operationRoutes(deps, feed),
    groupRoutes(deps),
    ruleRoutes(deps),
    ruleMemberRoutes(deps),
    importRoutes(deps),
    commandRoutes(deps, feed),
    settingsRoutes(deps),
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
