// A node as the one who asks: by its own credential, looked up anew for every request, so that one that was removed is out
// at once. It passes as an actor of its own name and cluster; what it may ask is for the intake to say.
import type { MiddlewareHandler } from 'hono'
import { findNode } from '../store/nodes.ts'
import type { Env } from './auth.ts'
import type { HttpDeps } from './deps.ts'
import { ProblemError } from './errors.ts'
import { rateBound } from './rate-bound.ts'

/** A script that stops all that a node runs may pass; what never ends may not, for every request leaves an audit row. */
const writes = { burst: 60, perSecond: 1 }
const reads = { burst: 60, perSecond: 5 }
/** Requests of one node that are held at the same time. */
const mostHeld = 32

/** Lets nobody pass but nodes of the roster. */
export function authenticateNode(deps: HttpDeps): MiddlewareHandler<Env> {
  return async (context, next) => {
    const header = context.req.header('authorization') ?? ''
    const credential = /^Bearer +(\S{10,300})$/i.exec(header)?.[1]
    const node = credential === undefined ? null : await findNode(deps.sql, credential)
    if (!node)
      throw new ProblemError(401, 'unauthenticated', 'this is no credential of a node', {
        headers: { 'www-authenticate': 'Bearer realm="holdfast"' },
      })
    const { nodeUid, name, clusterId, clusterUuid, clusterName } = node
    context.set('actor', {
      ...{ tokenId: nodeUid, name: `node ${name}`, role: 'operator', cluster: clusterName },
    })
    context.set('cluster', { id: clusterId, uuid: clusterUuid, name: clusterName })
    await next()
  }
}

/** Refuses what a node asks too often, or too much of at once. Put before what writes refusals down. */
export function boundNode(deps: HttpDeps): MiddlewareHandler<Env> {
  const mayWrite = rateBound(deps.clock, writes)
  const mayRead = rateBound(deps.clock, reads)
  const held = new Map<string, number>()
  return async (context, next) => {
    const { tokenId: nodeUid } = context.var.actor
    const waitS = (context.req.method === 'GET' ? mayRead : mayWrite)(nodeUid)
    const others = held.get(nodeUid) ?? 0
    if (waitS !== null || others >= mostHeld) throw tooMany(waitS ?? 1)
    held.set(nodeUid, others + 1)
    try {
      await next()
    } finally {
      const left = (held.get(nodeUid) ?? 1) - 1
      if (left > 0) held.set(nodeUid, left)
      else held.delete(nodeUid)
    }
  }
}

function tooMany(seconds: number): ProblemError {
  return new ProblemError(429, 'too-many-requests', `this node asks too much: in ${seconds} s`, {
    headers: { 'retry-after': String(seconds) },
  })
}
