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

  has(name: string): boolean {
    return this.get(name) !== null
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
  /** Whether there is one; it is read as a text only. */
  readonly body: string | null

  constructor({ method, url, headers, body, signal }: PlainRequest) {
    this.method = method
    this.url = url
    this.headers = new LightHeaders(headers)
    this.signal = signal
    this.body = body
  }

  text(): Promise<string> {
    return Promise.resolve(this.body ?? '')
  }
}

type GivenHeaders = ConstructorParameters<typeof Headers>[0]

class LightResponse {
  readonly status: number
  readonly body: string | null
  private readonly given: GivenHeaders
  private made: Headers | null = null

  constructor(body: unknown = null, init: { status?: number; headers?: GivenHeaders } = {}) {
    if (body !== null && typeof body !== 'string') throw new Error('a body that is no text')
    this.body = body
    this.status = init.status ?? 200
    this.given = init.headers
  }

  /** Made when somebody asks: for most answers nobody does. */
  get headers(): Headers {
    this.made ??= new Headers(this.given)
    return this.made
  }

  text(): Promise<string> {
    return Promise.resolve(this.body ?? '')
  }
}

/** Replaces the global Response; the callback puts it back. Responses made meanwhile are light. */
export function lightResponses(): () => void {
  const { Response } = globalThis
  Object.assign(globalThis, { Response: LightResponse })
  return () => Object.assign(globalThis, { Response })
}

export type PlainReply = { status: number; body: string; header: (name: string) => string | null }

/** Has `app` answer a request; with light responses while `lightResponses` is in force. */
export async function answer(app: Hono, request: PlainRequest): Promise<PlainReply> {
  const response = await app.fetch(new LightRequest(request) as unknown as Request)
  const header = (name: string) => response.headers.get(name)
  return { status: response.status, body: await response.text(), header }
}
