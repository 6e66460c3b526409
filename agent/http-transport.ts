// HTTP for the agent: undici's parts, each request with its own deadline.
import requestApi from 'undici/lib/api/api-request.js'
import Agent from 'undici/lib/dispatcher/agent.js'
import type { Dispatcher } from 'undici'

export type HttpReply = { status: number; body: string }

export type Transport = {
  post(url: string, body: string, timeoutMs: number): Promise<HttpReply>
  get(url: string, timeoutMs: number, cancel: AbortSignal): Promise<HttpReply>
  close(): Promise<void>
}

const connectTimeoutMs = 2_000
/** A parked poll must not be taken for a dead connection; deadlines are set per request. */
const socketTimeoutMs = 120_000

export function createTransport(credential: string | null): Transport {
  const agent = new Agent({
    // A renewal must never wait behind a parked poll.
    connections: 3,
    pipelining: 1,
    headersTimeout: socketTimeoutMs,
    bodyTimeout: socketTimeoutMs,
    keepAliveTimeout: 70_000,
    allowH2: false,
    connect: { timeout: connectTimeoutMs },
  })
  const authorization = credential === null ? {} : { authorization: `Bearer ${credential}` }

  async function send(
    url: string,
    options: Pick<Dispatcher.RequestOptions, 'method'> & { body?: string; headers: object },
    timeoutMs: number,
    cancel: AbortSignal | null,
  ): Promise<HttpReply> {
    const { origin, pathname, search } = new URL(url)
    // AbortSignal.timeout() keeps its timer when the answer is long there; one of our own is cleared.
    const deadline = new AbortController()
    const abort = (why: string) => deadline.abort(new Error(why))
    const timer = setTimeout(() => abort(`no answer within ${timeoutMs} ms`), timeoutMs)
    const onCancel = () => abort('cancelled')
    cancel?.addEventListener('abort', onCancel, { once: true })
    try {
      if (cancel?.aborted) throw new Error('cancelled')
      const { headers, ...rest } = options
      const reply = await requestApi.call(agent, {
        ...rest,
        origin,
        path: pathname + search,
        headers: { ...authorization, ...headers },
        signal: deadline.signal,
      })
      return { status: reply.statusCode, body: await reply.body.text() }
    } finally {
      clearTimeout(timer)
      cancel?.removeEventListener('abort', onCancel)
    }
  }

  return {
    post: (url, body, timeoutMs) => {
      const headers = { 'content-type': 'application/json' }
      return send(url, { method: 'POST', body, headers }, timeoutMs, null)
    },
    get: (url, timeoutMs, cancel) => send(url, { method: 'GET', headers: {} }, timeoutMs, cancel),
    close: () => agent.destroy(),
  }
}
