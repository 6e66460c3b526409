// Every error answer of the operator's side: problem+json (RFC 9457) with a code for machines and the fields at fault.
// Must never let out a message of the database or a stack: those go to the log under an id that the answer names.
import type { Context, ErrorHandler, MiddlewareHandler, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ZodError } from 'zod'
import { AssertionError } from '../../shared/assert.ts'
import type { Problem } from '../../shared/operator-api.ts'
import { fieldErrors } from '../intake/field-errors.ts'
import { isRefusal, type FieldError, type Refusal } from '../intake/refusal.ts'
import type { OperatorDeps } from './deps.ts'

/** Thrown anywhere below a route to answer with a problem. */
export class ProblemError extends Error {
  readonly problem: Problem
  readonly headers: Record<string, string>
  constructor(
    status: number,
    code: string,
    detail: string,
    more: { errors?: FieldError[]; headers?: Record<string, string> } = {},
  ) {
    super(detail)
    const title = titles[code] ?? code.replaceAll('-', ' ')
    this.headers = more.headers ?? {}
    this.problem = {
      type: `urn:holdfast:problem:${code}`,
      title,
      status,
      code,
      detail,
      ...(more.errors && { errors: more.errors }),
    }
  }
}

const titles: Record<string, string> = {
  unauthenticated: 'no valid token',
  forbidden: 'not allowed with this token',
  invalid: 'the request is not valid',
  'malformed-json': 'the body is not JSON',
  'body-too-large': 'the body is too large',
  'unsupported-media-type': 'the body must be application/json',
  'not-found': 'no such address',
  'method-not-allowed': 'no such method here',
  internal: 'something broke in the control plane',
  unavailable: 'the database cannot be reached',
  busy: 'try again',
  'too-many-requests': 'asked too often',
}

/** Throws the refusal as a problem, or hands back what was accepted. */
export function accepted<T>(value: T): Exclude<T, Refusal> {
  if (isRefusal(value))
    throw new ProblemError(value.status, value.code, value.sentence, {
      ...(value.errors && { errors: value.errors }),
    })
  return value as Exclude<T, Refusal>
}

/** For schemas that refused a body, a query or a path: names each field and what would be right. */
export function throwInvalid(result: { success: true } | { success: false; error: ZodError }) {
  if (result.success) return
  const errors = result.error.issues.flatMap((issue) => fieldErrors(issue))
  const detail = errors.map((e) => (e.field ? `${e.field}: ${e.message}` : e.message)).join('; ')
  throw new ProblemError(422, 'invalid', detail, { errors })
}

/** Answers for whatever was thrown. */
export function errorHandler(deps: Pick<OperatorDeps, 'random' | 'log'>): ErrorHandler {
  return (error, context) => {
    if (error instanceof ProblemError) return answer(context, error)
    if (error instanceof HTTPException) return answer(context, fromHono(error))
    const id = deps.random.uuid()
    const log = deps.log.child({ id, method: context.req.method, path: context.req.path })
    log.error(
      { err: error },
      error instanceof AssertionError ? 'broken assertion' : 'request failed',
    )
    return answer(context, fromDatabase(error, id) ?? unexpected(id))
  }
}

function unexpected(id: string): ProblemError {
  return new ProblemError(500, 'internal', `the log of this replica tells more under ${id}`)
}

/** Lock and statement time-outs, deadlocks, serialization failures: nothing was changed, and later it may work. */
const busyCodes = ['55P03', '57014', '40P01', '40001', '25P03']

/** What a failing database means for the caller, by SQLSTATE and the driver's own words; null: it is our mistake. */
function fromDatabase(error: unknown, id: string): ProblemError | null {
  const code = (error as { code?: string } | null)?.code ?? ''
  const again = { headers: { 'retry-after': '1' } }
  if (busyCodes.includes(code))
    return new ProblemError(503, 'busy', 'others are changing this cluster: try again', again)
  if (unstorableCodes.includes(code))
    return new ProblemError(422, 'invalid', 'a text holds a zero byte, or half of a character')
  if (!code.startsWith('08') && !code.startsWith('57P') && !lostConnection.includes(code))
    return null
  const detail = `the database cannot be reached now; whether a change was made is not known (${id})`
  return new ProblemError(503, 'unavailable', detail, again)
}

/** What the schemas let through and no text of a database can hold, in an address for instance. */
const unstorableCodes = ['22021', '22P05']

const lostConnection = [
  'ECONNREFUSED',
  'ECONNRESET',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'CONNECTION_DESTROYED',
]

function fromHono(error: HTTPException): ProblemError {
  if (error.status === 400 && error.message.includes('JSON'))
    return new ProblemError(400, 'malformed-json', 'the body is not valid JSON')
  if (error.status === 413)
    return new ProblemError(413, 'body-too-large', 'the body may have at most 1 MiB')
  return new ProblemError(error.status, `http-${error.status}`, error.message || 'refused')
}

/** Writes one problem. */
export function answer(context: Context, { problem, headers }: ProblemError): Response {
  return context.body(JSON.stringify(problem), problem.status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
    ...headers,
  })
}

/** 404 for unknown addresses, 405 for known ones with another method. */
export function notFoundHandler(routes: () => { method: string; path: string }[]): NotFoundHandler {
  let known: { method: string; pattern: RegExp }[] | null = null
  return (context) => {
    known ??= routes()
      .filter((route) => route.method !== 'ALL')
      .map((route) => ({ method: route.method, pattern: patternOf(route.path) }))
    const allowed = new Set(
      known.filter((route) => route.pattern.test(context.req.path)).map((route) => route.method),
    )
    // A known address whose route found nothing there is a 404 like any other.
    if (allowed.size === 0 || allowed.has(context.req.method))
      return answer(context, new ProblemError(404, 'not-found', `nothing at ${context.req.path}`))
    const allow = [...allowed].sort().join(', ')
    return answer(
      context,
      new ProblemError(405, 'method-not-allowed', `only ${allow} here`, { headers: { allow } }),
    )
  }
}

function patternOf(path: string): RegExp {
  const escaped = path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')
  return new RegExp(`^${escaped.replaceAll('\\*', '.*')}$`)
}

/** Bodies must say that they are JSON; a write without a body need not say anything. */
export const requireJson: MiddlewareHandler = async (context, next) => {
  const { method } = context.req
  const type = context.req.header('content-type')
  const hasBody =
    Number(context.req.header('content-length') ?? 0) > 0 ||
    context.req.header('transfer-encoding') !== undefined
  if (method !== 'GET' && hasBody && !/^application\/([a-z0-9.+-]+\+)?json\b/i.test(type ?? ''))
    throw new ProblemError(
      415,
      'unsupported-media-type',
      `the body must be application/json, not ${type ?? 'without a content-type'}`,
    )
  await next()
}
