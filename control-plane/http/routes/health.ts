// For load balancers and monitors: alive, ready, metrics. Open to everyone, and says nothing about clusters.
import { Hono } from 'hono'
import type { Env } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'

export function healthRoutes(deps: HttpDeps): Hono<Env> {
  const routes = new Hono<Env>()
  routes.get('/healthz', (c) => c.json({ status: 'ok', replica: deps.replica.name }))
  routes.get('/readyz', async (c) => {
    const why = await deps.ready()
    return why === null ? c.json({ status: 'ready' }) : c.json({ status: 'not ready', why }, 503)
  })
  const { metrics } = deps
  if (metrics)
    routes.get('/metrics', async (c) =>
      c.body(await metrics.metrics(), 200, { 'content-type': metrics.contentType }),
    )
  return routes
}
