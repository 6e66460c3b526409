// The status page in the browser: sign in with a token, look, sign out. It writes nothing else, so there is nothing to
// forge; and its cookie is worth nothing at /api.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Context, Hono } from 'hono'
import { csrf } from 'hono/csrf'
import type { Status } from '../../../shared/operator-api.ts'
import {
  messagePage,
  type PageData,
  signInPage,
  statusFragment,
  statusPage,
} from '../../web/status-page.ts'
import type { Actor, Env } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import type { EventFeed } from '../event-feed.ts'
import { newestEventId, newestEvents } from '../records/events.ts'
import { signedIn, signIn, signOut } from '../session.ts'
import { boundedStream } from './events.ts'
import { clusterStatus } from './status.ts'

/** How often a browser without scripts asks again. */
const refreshS = 5
const shownEvents = 25
const quietMs = 15_000

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const assets = { '/status.js': 'text/javascript', '/status.css': 'text/css' } as const

type Row = { id: number; name: string }

/** Routes of the page. */
export function pageRoutes(deps: HttpDeps, feed: EventFeed): Hono<Env> {
  const routes = new Hono<Env>()
  const slots = { taken: 0 }
  routes.get('/', async (c) => {
    const actor = await signedIn(deps, c)
    if (!actor) return page(c, signInPage(false))
    const found = await chosen(deps, c, actor)
    if (!found.cluster) return page(c, messagePage('No cluster', found.why), 404)
    return page(c, statusPage(await pageData(deps, found.cluster, found.all, actor), refreshS))
  })
  routes.get('/status/fragment', async (c) => {
    const actor = await signedIn(deps, c)
    if (!actor) return c.body(null, 401)
    const { cluster, all } = await chosen(deps, c, actor)
    if (!cluster) return c.body(null, 404)
    return page(c, statusFragment(await pageData(deps, cluster, all, actor)))
  })
  routes.get('/status/events', async (c) => {
    const actor = await signedIn(deps, c)
    if (!actor) return c.body(null, 401)
    const { cluster } = await chosen(deps, c, actor)
    if (!cluster) return c.body(null, 404)
    return boundedStream(deps, c, slots, async (sse, signal) => {
      let seen = await newestEventId(deps.sql, cluster.id)
      while (!signal.aborted) {
        await feed.next(cluster.id, quietMs, signal)
        const newest = await newestEventId(deps.sql, cluster.id)
        // Only the number: what changed is in the fragment, for those who may read it.
        if (newest > seen) await sse.writeSSE({ event: 'change', data: String(newest) })
        else await sse.write(': still here\n\n')
        seen = newest
      }
    })
  })
  routes.post('/sign-in', csrf(), async (c) => {
    const { token } = await c.req.parseBody()
    const actor = typeof token === 'string' ? await signIn(deps, c, token.trim()) : null
    return actor ? c.redirect('/', 303) : page(c, signInPage(true), 401)
  })
  routes.post('/sign-out', csrf(), (c) => {
    signOut(c)
    return c.redirect('/', 303)
  })
  for (const [path, type] of Object.entries(assets))
    routes.get(path, async (c) => {
      const file = fileURLToPath(new URL(`../../web${path}`, import.meta.url))
      return c.body(await readFile(file), 200, { 'content-type': `${type}; charset=utf-8` })
    })
  return routes
}

async function pageData(deps: HttpDeps, cluster: Row, all: Row[], actor: Actor): Promise<PageData> {
  const none = { sid: null, node: null }
  const [status, events]: [Status, PageData['events']] = await Promise.all([
    clusterStatus(deps, cluster.id),
    newestEvents(deps.sql, cluster.id, none, shownEvents),
  ])
  return { status, events, clusters: all.map(({ name }) => name), who: actor.name }
}

/** The cluster asked for, else the first within the token's reach. */
async function chosen(deps: HttpDeps, c: Context, actor: Actor) {
  const all = await deps.sql<Row[]>`
    select id, name from cluster
    where ${actor.cluster === null ? deps.sql`true` : deps.sql`name = ${actor.cluster}`}
    order by name`
  const asked = c.req.query('cluster')
  const cluster = asked === undefined ? all[0] : all.find(({ name }) => name === asked)
  const why = asked ? `There is no cluster ${asked} that your token reaches.` : 'There is none yet.'
  return { all, cluster, why }
}

function page(c: Context, body: ReturnType<typeof signInPage>, status: 200 | 401 | 404 = 200) {
  return c.html(body, status, { 'content-security-policy': policy, 'cache-control': 'no-store' })
}
