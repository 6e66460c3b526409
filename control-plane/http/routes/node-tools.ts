// What the tools on a node ask (`ha-agent vm stop 100`): an operation on a service, how it stands, how a command ended. The
// same commands as operators', through the same intake, audited as the node. Nothing else is to be had with its credential.
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { ServiceId } from '../../../shared/names.ts'
import { toolBodies, toolOperations, ToolQuery } from '../../../shared/node-tools.ts'
import { serviceStatus } from '../../cluster/status.ts'
import { refuse } from '../../intake/refusal.ts'
import { refuseTool } from '../../intake/tool-wish.ts'
import { loadView } from '../../store/load-view.ts'
import { auditRefusals } from '../audit.ts'
import type { Env } from '../auth.ts'
import { awaitCommand, waitSeconds } from '../command-wait.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted, ProblemError, requireJson, throwInvalid } from '../errors.ts'
import type { EventFeed } from '../event-feed.ts'
import { authenticateNode, boundNode } from '../node-caller.ts'
import { findCommand } from '../records/commands.ts'
import { operate } from './operations.ts'

type ToolWords = { node?: string; timeoutMs?: number | undefined }

const Operation = z.enum(toolOperations)

/** Routes of the tools on a node; mounted beside the agents'. */
export function nodeToolRoutes(deps: HttpDeps, feed: EventFeed): Hono<Env> {
  const app = new Hono<Env>()
  const caller = [authenticateNode(deps), boundNode(deps), auditRefusals(deps), requireJson]
  for (const path of ['/services/*', '/commands/*']) app.use(path, ...caller)

  app.post('/services/:sid/:operation', async (c) => {
    const sid = parsed(ServiceId, c.req.param('sid'))
    parsed(ToolQuery, c.req.query())
    const asked = Operation.safeParse(c.req.param('operation'))
    if (!asked.success)
      throw new ProblemError(404, 'not-found', `nodes may ask for ${toolOperations.join(', ')}`)
    const operation = asked.data
    const wish: ToolWords = parsed(toolBodies[operation], await jsonOf(c))
    const kind = operation === 'shutdown' ? 'stop' : operation
    const stopTimeoutMs = operation === 'stop' ? 0 : wish.timeoutMs
    const nodeUid = c.var.actor.tokenId
    return operate(
      deps,
      feed,
      c,
      { kind, sid, stopTimeoutMs, ...(wish.node !== undefined && { node: wish.node }) },
      { judge: (view) => refuseTool(view, { nodeUid, sid, kind }) },
    )
  })

  app.get('/services/:sid', async (c) => {
    const sid = parsed(ServiceId, c.req.param('sid'))
    parsed(z.strictObject({}), c.req.query())
    const view = await loadView(deps.sql, c.var.cluster.id)
    const service = view?.services[sid]
    if (view) accepted(refuseTool(view, { nodeUid: c.var.actor.tokenId, sid, kind: 'look' }))
    if (!view || !service) throw new ProblemError(404, 'unknown-service', `no service ${sid}`)
    return c.json(serviceStatus(view, service))
  })

  app.get('/commands/:uid', async (c) => {
    const uid = parsed(z.uuid(), c.req.param('uid'))
    parsed(ToolQuery, c.req.query())
    const { id } = c.var.cluster
    const found = await findCommand(deps.sql, id, uid)
    // Its own only: what others asked for is not its business.
    const own = found?.actor === c.var.actor.name ? found : null
    const command = accepted(own ?? refuse('unknown-command', `no command ${uid} of this node`))
    return c.json(await awaitCommand(deps, feed, id, command, waitSeconds(c), c.req.raw.signal))
  })
  return app
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value)
  throwInvalid(result as never)
  return result.data as z.infer<T>
}

/** A body, or none at all. */
async function jsonOf(c: Context): Promise<unknown> {
  const text = await c.req.text()
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    throw new ProblemError(400, 'malformed-json', 'the body is not valid JSON')
  }
}
