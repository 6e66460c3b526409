// The plane as the site itself uses it: over its public API, like any operator.
import type { Status } from '../../shared/operator-api.ts'
import type { Context } from './first-start.ts'

const requestTimeoutMs = 10_000

/** Asks the API of the site's cluster. Throws an error whose message is the plane's own sentence. */
export async function askPlane<T>(
  context: Context,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: T; etag: string | null }> {
  const response = await fetch(`${context.url}/api/v1/clusters/${context.cluster}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${context.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  })
  const text = await response.text()
  if (response.ok)
    return {
      status: response.status,
      body: JSON.parse(text || 'null'),
      etag: response.headers.get('etag'),
    }
  throw new PlaneRefusal(response.status, text)
}

export class PlaneRefusal extends Error {
  override name = 'PlaneRefusal'
  readonly status: number

  constructor(status: number, text: string) {
    super(sentence(status, text))
    this.status = status
  }
}

function sentence(status: number, text: string): string {
  try {
    const problem = JSON.parse(text)
    return problem.detail ?? problem.title ?? `status ${status}`
  } catch {
    return `status ${status}`
  }
}

export async function readStatus(context: Context): Promise<Status> {
  return (await askPlane<Status>(context, 'GET', '/status')).body
}

/** True once the plane says that it is ready. */
export async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
