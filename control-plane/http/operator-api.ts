// The operators' routes that any store can serve: who may pass to them, in which order, and which they are. What reads or
// writes by SQL of its own is added by app.ts.
import { OpenAPIHono } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { auditRefusals } from './audit.ts'
import { authenticate, type Env, scopeToCluster } from './auth.ts'
import type { OperatorDeps } from './deps.ts'
import { errorHandler, notFoundHandler, ProblemError, requireJson, throwInvalid } from './errors.ts'
import type { EventFeed } from './event-feed.ts'
import { clusterCommandRoutes } from './routes/cluster-commands.ts'
import { commandRoutes } from './routes/commands.ts'
import { groupRoutes } from './routes/groups.ts'
import { importRoutes } from './routes/import.ts'
import { nodeRoutes } from './routes/nodes.ts'
import { operationRoutes } from './routes/operations.ts'
import { ruleMemberRoutes } from './routes/rule-members.ts'
import { ruleRoutes } from './routes/rules.ts'
import { serviceRoutes } from './routes/services.ts'
import { settingsRoutes } from './routes/settings.ts'
import { statusRoutes } from './routes/status.ts'

/** design: bodies ≤ 1 MiB. */
const longestBody = 1024 * 1024

/** Answers errors and unknown addresses with problems. */
export function emptyApp(deps: OperatorDeps): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>({ defaultHook: (result) => throwInvalid(result as never) })
  app.onError(errorHandler(deps))
  app.notFound(notFoundHandler(() => app.routes))
  return app
}

/** Limits and headers for everyone. */
export function boundRequests(app: OpenAPIHono<Env>): void {
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
}

/** Lets to /api/v1 only who holds a token, and to a cluster only whose token reaches it. */
export function admitOperators(app: OpenAPIHono<Env>, deps: OperatorDeps): void {
  app.use('/api/v1/*', async (context, next) => {
    await next()
    context.res.headers.set('cache-control', 'no-store')
  })
  app.use('/api/v1/*', auditRefusals(deps), authenticate(deps), requireJson)
  app.use('/api/v1/clusters/:cluster/*', scopeToCluster(deps))
}

/** Mounted at /api/v1/clusters/{cluster}, in this order. */
export function operatorRoutes(deps: OperatorDeps, feed: EventFeed): OpenAPIHono<Env>[] {
  return [
    statusRoutes(deps),
    nodeRoutes(deps),
    clusterCommandRoutes(deps, feed),
    serviceRoutes(deps, feed),
    operationRoutes(deps, feed),
    groupRoutes(deps),
    ruleRoutes(deps),
    ruleMemberRoutes(deps),
    importRoutes(deps),
    commandRoutes(deps, feed),
    settingsRoutes(deps),
  ]
}

/** Bounds what comes, and serves these routes. */
export function addOperators(app: OpenAPIHono<Env>, deps: OperatorDeps, feed: EventFeed): void {
  boundRequests(app)
  admitOperators(app, deps)
  for (const routes of operatorRoutes(deps, feed)) app.route('/api/v1/clusters/:cluster', routes)
}
