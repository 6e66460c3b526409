// Requests and responses without sockets or streams, as light as the server's own: what Hono asks of them and no more.
// Bodies are whole texts; whatever else is asked of these fails loudly.
import type { Hono } from 'hono'

export type PlainRequest = {
  method: string
  url: string
  headers: Record<string, string>
  body: string | null
  signal: AbortSignal
}

class LightRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly signal: AbortSignal
  private readonly content: string

  constructor({ method, url, headers, body, signal }: PlainRequest) {
    this.method = method
    this.url = url
    this.headers = new Headers(headers)
    this.signal = signal
    this.content = body ?? ''
  }

  text(): Promise<string> {
    return Promise.resolve(this.content)
  }
}

class LightResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: string | null

  constructor(
    body: unknown = null,
    init: { status?: number; headers?: Record<string, string> } = {},
  ) {
    if (body !== null && typeof body !== 'string') throw new Error('a body that is no text')
    this.body = body
    this.status = init.status ?? 200
    this.headers = new Headers(init.headers)
  }
}

/** Replaces the global Response; the callback puts it back. Responses made meanwhile are light. */
export function lightResponses(): () => void {
  const { Response } = globalThis
  Object.assign(globalThis, { Response: LightResponse })
  return () => Object.assign(globalThis, { Response })
}

/** Has `app` answer a request, while `lightResponses` is in force. */
export async function answer(
  app: Hono,
  request: PlainRequest,
): Promise<{ status: number; body: string }> {
  const response = (await app.fetch(
    new LightRequest(request) as unknown as Request,
  )) as unknown as LightResponse
  return { status: response.status, body: response.body ?? '' }
}
