// Who is asking: bearer tokens with a role and a cluster scope. A token is looked up by the hash of what was presented,
// anew for every request, so that revoking one works at once on every replica.
import type { MiddlewareHandler } from 'hono'
import type { Role } from '../../shared/operator-api.ts'
import type { OperatorDeps } from './deps.ts'
import { ProblemError } from './errors.ts'

export type Actor = {
  /** Of a node that speaks for itself: its uid. */
  tokenId: string
  /** As the audit log names them. */
  name: string
  role: Role
  /** null: every cluster. */
  cluster: string | null
}

export type ClusterRow = { id: number; uuid: string; name: string }

/** What the middleware hands to routes. */
export type Env = {
  Variables: {
    actor: Actor
    cluster: ClusterRow
    /** The audit row of this request is already written. */
    audited: boolean
  }
}

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 }

/** Lets nobody without a valid bearer token pass. */
export function authenticate(deps: OperatorDeps): MiddlewareHandler<Env> {
  return async (context, next) => {
    const header = context.req.header('authorization')
    if (header === undefined) throw unauthenticated('send a token: Authorization: Bearer hfo_…')
    const secret = /^Bearer +([A-Za-z0-9_.~+/=-]{10,300})$/i.exec(header)?.[1]
    const found = secret === undefined ? null : await deps.store.rows.findActor({ secret })
    // One sentence for unknown, expired and revoked alike: which it is helps only those who guess.
    if (!found) throw unauthenticated('this token is unknown, expired or revoked', 'invalid_token')
    context.set('actor', found.actor)
    await next()
  }
}

/** Resolves {cluster}. A token of another cluster learns nothing, not even whether this one exists. */
export function scopeToCluster(deps: OperatorDeps): MiddlewareHandler<Env> {
  return async (context, next) => {
    const name = context.req.param('cluster') ?? ''
    const { cluster } = context.var.actor
    if (cluster !== null && cluster !== name)
      throw new ProblemError(403, 'forbidden', `this token is for cluster ${cluster} only`)
    const row = await deps.store.rows.findCluster(name)
    if (!row) throw new ProblemError(404, 'unknown-cluster', `no cluster ${name}`)
    context.set('cluster', row)
    await next()
  }
}

/** Throws unless the actor's role is at least `least`. */
export function requireRole(actor: Actor, least: Role): void {
  if (rank[actor.role] >= rank[least]) return
  throw new ProblemError(
    403,
    'forbidden',
    `this needs the role ${least}; the token ${actor.name} has the role ${actor.role}`,
  )
}

/** Throws unless the actor is an admin of every cluster. */
export function requireSiteAdmin(actor: Actor): void {
  requireRole(actor, 'admin')
  if (actor.cluster === null) return
  throw new ProblemError(403, 'forbidden', `this token is for cluster ${actor.cluster} only`)
}

/** Middleware form of `requireRole`, for a route's `middleware`. */
export function role(least: Role): MiddlewareHandler<Env> {
  return async (context, next) => {
    requireRole(context.var.actor, least)
    await next()
  }
}

function unauthenticated(detail: string, error?: string): ProblemError {
  const challenge = `Bearer realm="holdfast"${error ? `, error="${error}"` : ''}`
  return new ProblemError(401, 'unauthenticated', detail, {
    headers: { 'www-authenticate': challenge },
  })
}
