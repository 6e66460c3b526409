// What happened, and why: a list, and a stream of server-sent events that can be resumed. Streams are bounded in number
// and in length; a client that comes back with Last-Event-ID misses nothing.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import { NodeName, ServiceId } from '../../../shared/names.ts'
import { EventBody } from '../../../shared/operator-api.ts'
import type { Env } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { ProblemError } from '../errors.ts'
import type { EventFeed } from '../event-feed.ts'
import { type EventFilter, eventsAfter, newestEventId, newestEvents } from '../records/events.ts'
import { json, limit, newRoutes, Params, problems } from '../routing.ts'

/** Each holds a socket and asks the database at every event. */
const mostStreams = 200
/** Then the client comes again: its token is looked at anew, and nothing leaks for ever. */
const longestStreamMs = 10 * 60_000
/** A lost notification costs at most this. */
const lookEveryMs = 1_000
/** Keeps proxies from closing a quiet stream, and finds clients that vanished. */
const quietMs = 15_000
const page = 200

const since = z.coerce.number().int().min(0).optional()
const Filter = { sid: ServiceId.optional(), node: NodeName.optional(), since }

const list = createRoute({
  method: 'get',
  path: '/events',
  summary: 'The newest events, or those after `since`; oldest first',
  request: { params: Params.cluster, query: z.object({ ...Filter, limit: limit(1000, 100) }) },
  responses: { 200: json(z.array(EventBody), 'events'), ...problems },
})

const stream = createRoute({
  method: 'get',
  path: '/events/stream',
  summary: 'Events as they happen (server-sent), from now or after `since` or Last-Event-ID',
  request: { params: Params.cluster, query: z.object(Filter) },
  responses: {
    200: { description: 'events', content: { 'text/event-stream': { schema: z.string() } } },
    ...problems,
  },
})

/** Routes of events. */
export function eventRoutes(deps: HttpDeps, feed: EventFeed): OpenAPIHono<Env> {
  const routes = newRoutes()
  const slots = { taken: 0 }
  routes.openapi(list, async (c) => {
    const { sid, node, since, limit } = c.req.valid('query')
    const { id } = c.var.cluster
    const filter = { sid: sid ?? null, node: node ?? null }
    const events =
      since === undefined
        ? await newestEvents(deps.sql, id, filter, limit)
        : await eventsAfter(deps.sql, id, since, filter, limit)
    return c.json(events, 200)
  })
  routes.openapi(stream, async (c) => {
    const { sid, node, since } = c.req.valid('query')
    const { id } = c.var.cluster
    const last = Number(c.req.header('last-event-id') ?? since ?? Number.NaN)
    const from = Number.isSafeInteger(last) ? last : await newestEventId(deps.sql, id)
    const filter = { sid: sid ?? null, node: node ?? null }
    return boundedStream(deps, c, slots, (sse, signal) =>
      follow(deps, feed, sse, signal, { clusterId: id, from, filter }),
    ) as never
  })
  return routes
}

type Following = { clusterId: number; from: number; filter: EventFilter }

async function follow(
  deps: HttpDeps,
  feed: EventFeed,
  sse: SSEStreamingApi,
  signal: AbortSignal,
  { clusterId, from, filter }: Following,
) {
  let last = from
  let spokenMs = deps.clock.bootMs()
  while (!signal.aborted) {
    const events = await eventsAfter(deps.sql, clusterId, last, filter, page)
    for (const event of events) {
      if (signal.aborted) return
      await sse.writeSSE({ id: String(event.id), event: 'change', data: JSON.stringify(event) })
      last = event.id
    }
    if (events.length > 0) spokenMs = deps.clock.bootMs()
    else if (deps.clock.bootMs() - spokenMs > quietMs) {
      await sse.write(': still here\n\n')
      spokenMs = deps.clock.bootMs()
    }
    if (events.length < page) await feed.next(clusterId, lookEveryMs, signal)
  }
}

/** Runs one server-sent stream until its client leaves or its time is over. */
export function boundedStream(
  deps: HttpDeps,
  c: Context,
  slots: { taken: number },
  run: (sse: SSEStreamingApi, signal: AbortSignal) => Promise<void>,
): Response {
  if (slots.taken >= mostStreams)
    throw new ProblemError(503, 'too-many-streams', `this replica serves ${mostStreams} streams`)
  slots.taken += 1
  const ended = new AbortController()
  const timer = setTimeout(() => ended.abort(), longestStreamMs)
  const response = streamSSE(c, async (sse) => {
    sse.onAbort(() => ended.abort())
    try {
      await sse.write('retry: 1000\n\n')
      await run(sse, ended.signal)
    } catch (cause) {
      // The client comes again by itself; half an event is no event.
      if (!ended.signal.aborted) deps.log.warn({ err: cause }, 'event stream broke off')
    } finally {
      clearTimeout(timer)
      slots.taken -= 1
    }
  })
  response.headers.set('x-accel-buffering', 'no')
  return response
}
