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

/** Headers by their names in lower case, as they are written here. */
class LightHeaders {
  private readonly values: Record<string, string>

  constructor(values: Record<string, string> = {}) {
    this.values = values
  }

  get(name: string): string | null {
    return this.values[name] ?? this.values[name.toLowerCase()] ?? null
  }

  forEach(call: (value: string, name: string) => void): void {
    for (const [name, value] of Object.entries(this.values)) call(value, name)
  }
}

class LightRequest {
  readonly method: string
  readonly url: string
  readonly headers: LightHeaders
  readonly signal: AbortSignal
  private readonly content: string

  constructor({ method, url, headers, body, signal }: PlainRequest) {
    this.method = method
    this.url = url
    this.headers = new LightHeaders(headers)
    this.signal = signal
    this.content = body ?? ''
  }

  text(): Promise<string> {
    return Promise.resolve(this.content)
  }
}

class LightResponse {
  readonly status: number
  readonly body: string | null

  constructor(body: unknown = null, init: { status?: number } = {}) {
    if (body !== null && typeof body !== 'string') throw new Error('a body that is no text')
    this.body = body
    this.status = init.status ?? 200
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
