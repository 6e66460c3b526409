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
import { healthRoutes } from './routes/health.ts'
import { nodeRoutes } from './routes/nodes.ts'
import { operationRoutes } from './routes/operations.ts'
import { serviceRoutes } from './routes/services.ts'
import { statusRoutes } from './routes/status.ts'

/** design: bodies ≤ 1 MiB. */
const longestBody = 1024 * 1024

/** Builds the application; nothing is opened before the first request. */
export function createApp(deps: HttpDeps): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>({ defaultHook: (result) => throwInvalid(result as never) })
  const feed = eventFeed(deps)
  app.onError(errorHandler(deps))
  app.notFound(notFoundHandler(() => app.routes))
  app.use(
    bodyLimit({
      maxSize: longestBody,
      onError: () => {
        throw new ProblemError(413, 'body-too-large', 'the body may have at most 1 MiB')
      },
    }),
  )
  if (deps.agentRoutes) app.route('/agent/v1', deps.agentRoutes)

  app.use(secureHeaders({ xFrameOptions: 'DENY', strictTransportSecurity: false }))
  app.route('/', healthRoutes(deps))

  app.use('/api/v1/*', async (context, next) => {
    await next()
    context.res.headers.set('cache-control', 'no-store')
  })
  app.use('/api/v1/*', auditRefusals(deps), authenticate(deps), requireJson)
  app.use('/api/v1/clusters/:cluster/*', scopeToCluster(deps))
  const inCluster = '/api/v1/clusters/:cluster'
  app.route(inCluster, statusRoutes(deps))
  app.route(inCluster, nodeRoutes(deps))
  app.route(inCluster, serviceRoutes(deps, feed))
  app.route(inCluster, operationRoutes(deps, feed))
  return app
}
