// The tool's end of /api/v1: requests with time limits, tried at each known address in turn, and every bad answer
// turned into a sentence. A request is sent to another address only if it cannot have reached the first.
import type { Problem } from '../../shared/operator-api.ts'
import type { Context } from './context.ts'
import { type Failure, refused, unreachable } from './failure.ts'

export type Query = Record<string, string | number | boolean | undefined>
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type RequestOptions = {
  query?: Query
  body?: unknown
  ifMatch?: number
  /** How long the answer may take; more for requests that wait on purpose. */
  timeoutMs?: number
}

export type Plane = {
  get<Body>(path: string, options?: RequestOptions): Promise<Body>
  post<Body>(path: string, options?: RequestOptions): Promise<Body>
  put<Body>(path: string, options?: RequestOptions): Promise<Body>
  patch<Body>(path: string, options?: RequestOptions): Promise<Body>
  delete<Body>(path: string, options?: RequestOptions): Promise<Body>
  /** A server-sent stream, chunk by chunk, until the signal ends it or the plane does. */
  stream(
    path: string,
    options: { query?: Query; lastEventId?: number; signal: AbortSignal },
  ): AsyncIterable<string>
  close(): Promise<void>
}

const connectTimeoutMs = 3_000
const answerTimeoutMs = 15_000
/** Errors after which it is certain that the plane never saw the request. */
const neverSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Opens nothing yet: connections are made by the first request. */
export async function connectPlane(context: Context): Promise<Plane> {
  const { Agent, request } = await import('undici')
  const dispatcher = new Agent({
    connect: { timeout: connectTimeoutMs },
    bodyTimeout: 0,
    headersTimeout: 0,
  })

  async function send(
    method: Method | 'STREAM',
    path: string,
    options: RequestOptions & { signal?: AbortSignal; lastEventId?: number },
  ) {
    let last: unknown
    for (const url of context.urls) {
      try {
        return await request(address(url, path, options.query), {
          dispatcher,
          method: method === 'STREAM' ? 'GET' : method,
          headers: headers(context, options),
          body: options.body === undefined ? null : JSON.stringify(options.body),
          signal: options.signal ?? AbortSignal.timeout(options.timeoutMs ?? answerTimeoutMs),
        })
      } catch (cause) {
        last = cause
        if (!neverSent.has(errorCode(cause))) break
      }
    }
    throw connectionFailure(context.urls, last)
  }

  async function ask<Body>(
    method: Method,
    path: string,
    options: RequestOptions = {},
  ): Promise<Body> {
    const answer = await send(method, path, options)
    let text: string
    try {
      text = await answer.body.text()
    } catch (cause) {
      throw connectionFailure(context.urls, cause)
    }
    const body = parseBody(text)
    if (answer.statusCode >= 400) throw answerFailure(answer.statusCode, body)
    return body as Body
  }

  return {
    get: (path, options) => ask('GET', path, options),
    post: (path, options) => ask('POST', path, options),
    put: (path, options) => ask('PUT', path, options),
    patch: (path, options) => ask('PATCH', path, options),
    delete: (path, options) => ask('DELETE', path, options),
    async *stream(path, options) {
      const answer = await send('STREAM', path, options)
      if (answer.statusCode >= 400)
        throw answerFailure(answer.statusCode, parseBody(await answer.body.text()))
      answer.body.setEncoding('utf8')
      yield* answer.body as AsyncIterable<string>
    },
    close: () => dispatcher.destroy(),
  }
}

function address(url: string, path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) search.set(key, String(value))
  return `${url}/api/v1${path}${search.size > 0 ? `?${search.toString()}` : ''}`
}

function headers(context: Context, options: RequestOptions & { lastEventId?: number }) {
  return {
    accept: 'application/json',
    'user-agent': 'ha-manager',
    ...(context.token === null ? {} : { authorization: `Bearer ${context.token}` }),
    ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(options.ifMatch === undefined ? {} : { 'if-match': `"${options.ifMatch}"` }),
    ...(options.lastEventId === undefined ? {} : { 'last-event-id': String(options.lastEventId) }),
  }
}

function parseBody(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    return text
  }
}

function errorCode(cause: unknown): string {
  const { code, name, errors } = (cause ?? {}) as {
    code?: unknown
    name?: string
    errors?: { code?: string }[]
  }
  // Several addresses of one name fail together: the first says enough.
  if (typeof code === 'string') return code
  return errors?.[0]?.code ?? name ?? 'unknown'
}

function connectionFailure(urls: string[], cause: unknown): Failure {
  const code = errorCode(cause)
  const where = urls.join(' and ')
  if (code === 'TimeoutError' || code === 'UND_ERR_ABORTED')
    return unreachable(`the plane at ${where} did not answer in time`, {
      code: 'timeout',
      advice:
        'It may be cut off from its database. A change may have happened: look with ha-manager status.',
    })
  if (code === 'ECONNREFUSED')
    return unreachable(`nothing listens at ${where}`, {
      code: 'connection-refused',
      advice: 'Is the plane running? npm start starts one here; HOLDFAST_URL says where to look.',
    })
  if (neverSent.has(code))
    return unreachable(`${where} cannot be reached (${code})`, {
      advice: 'Check the address and the network; HOLDFAST_URL says where to look.',
    })
  return unreachable(`the connection to ${where} broke (${code})`, {
    code: 'connection-broken',
    advice: 'A change may have happened: look with ha-manager status.',
  })
}

const adviceByStatus: Record<number, string> = {
  401: 'Set HOLDFAST_TOKEN to a valid token; npm run admin -- token create makes one.',
  403: 'A token with a higher role, or for this cluster, is needed; ha-manager token list shows them to admins.',
  412: 'Someone changed it meanwhile: look at it again, then repeat the change.',
  503: 'The plane works but cannot decide now; try again in a moment.',
}

function answerFailure(status: number, body: unknown): Failure {
  const advice = adviceByStatus[status]
  if (typeof body !== 'object' || body === null || !('title' in body))
    return refused(`the plane answered ${status} without saying why`, {
      code: `http-${status}`,
      status,
      ...(advice ? { advice } : { advice: 'Is this the address of a Holdfast plane?' }),
    })
  const problem = body as Problem
  return refused(problem.detail ?? problem.title, {
    code: problem.code,
    status,
    ...(advice ? { advice } : {}),
    ...(problem.errors?.length ? { fields: problem.errors } : {}),
  })
}
