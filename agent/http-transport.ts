// HTTP for the agent: Node.js's own client, each request with its own deadline, and sent once. (undici is quicker by
// tenths of a millisecond, and costs an agent 10 MB, half of it for its WebAssembly.)
import type http from 'node:http'
import type { Socket } from 'node:net'
import { questionHeader } from '../shared/node-question.ts'
import { managedHeader } from '../shared/protocol.ts'
import { createPinnedAgent } from './pinned-agent.ts'

/** `date`: the other side's clock, as far as it said. `managed`: the digest that came with the desired state. `question`: so did that. */
export type HttpReply = {
  status: number
  body: string
  date?: string | undefined
  managed?: string | undefined
  question?: string | undefined
}

export type Transport = {
  post(url: string, body: string, timeoutMs: number): Promise<HttpReply>
  get(url: string, timeoutMs: number, cancel: AbortSignal): Promise<HttpReply>
  close(): Promise<void>
}

type Sent = { method: 'GET' | 'POST'; body: string | null; timeoutMs: number }
type Client = { request: typeof http.request; agent: http.Agent }

const connectTimeoutMs = 2_000
/** A renewal must never wait behind a parked poll. */
const pool = { keepAlive: true, maxSockets: 3 }

/** `pin`: the fingerprint of the only certificate that is believed; null: whatever the system trusts. */
export function createTransport(credential: string | null, pin: string | null = null): Transport {
  const clients = new Map<string, Client>()
  const authorization = credential === null ? {} : { authorization: `Bearer ${credential}` }

  function clientFor(protocol: string): Client {
    let client = clients.get(protocol)
    if (!client) clients.set(protocol, (client = openClient(protocol, pin)))
    return client
  }

  async function send(address: string, sent: Sent, cancel: AbortSignal | null): Promise<HttpReply> {
    const url = new URL(address)
    const { request, agent } = clientFor(url.protocol)
    if (cancel?.aborted) throw new Error('cancelled')
    const headers = { ...authorization, ...headersOf(sent.body) }
    return await exchange(request(url, { method: sent.method, agent, headers }), sent, cancel)
  }

  return {
    post: (url, body, timeoutMs) => send(url, { method: 'POST', body, timeoutMs }, null),
    get: (url, timeoutMs, cancel) => send(url, { method: 'GET', body: null, timeoutMs }, cancel),
    close: () => {
      for (const { agent } of clients.values()) agent.destroy()
      return Promise.resolve()
    },
  }
}

/**
 * TLS is loaded where it is spoken only. Not by `import`: that asks a built-in module for all it exports, which for HTTP
 * are WebSockets too, and with them comes the undici inside Node.js: 12 MB.
 */
function openClient(protocol: string, pin: string | null): Client {
  // Plain HTTP has no certificate that could be the right one.
  if (pin !== null && protocol !== 'https:')
    throw new Error('a pinned plane is asked by https only')
  const { request, Agent } =
    protocol === 'https:'
      ? process.getBuiltinModule('node:https')
      : process.getBuiltinModule('node:http')
  return { request, agent: pin === null ? new Agent(pool) : createPinnedAgent(pin, pool) }
}

function headersOf(body: string | null): http.OutgoingHttpHeaders {
  if (body === null) return {}
  return { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
}

/** Sends `request`, and resolves with the whole answer; whatever goes wrong ends the request and its connection. */
function exchange(
  request: http.ClientRequest,
  { body, timeoutMs }: Sent,
  cancel: AbortSignal | null,
): Promise<HttpReply> {
  return new Promise<HttpReply>((resolve, reject) => {
    const giveUp = (why: string) => request.destroy(new Error(why))
    const deadline = setTimeout(() => giveUp(`no answer within ${timeoutMs} ms`), timeoutMs)
    const connecting = setTimeout(
      () => giveUp(`no connection within ${connectTimeoutMs} ms`),
      connectTimeoutMs,
    )
    const onCancel = () => giveUp('cancelled')
    cancel?.addEventListener('abort', onCancel, { once: true })
    const end = () => {
      clearTimeout(deadline)
      clearTimeout(connecting)
      cancel?.removeEventListener('abort', onCancel)
    }
    const fail = (error: Error) => {
      end()
      reject(error)
    }
    request.on('socket', (socket: Socket) => {
      if (!socket.connecting) clearTimeout(connecting)
      else socket.once('connect', () => clearTimeout(connecting))
    })
    request.on('error', fail)
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('error', fail)
      response.on('end', () => {
        end()
        const { headers, statusCode } = response
        const managed = headers[managedHeader]?.toString()
        const question = headers[questionHeader]?.toString()
        resolve({ status: statusCode ?? 0, body: text, date: headers.date, managed, question })
      })
    })
    request.end(body ?? undefined)
  })
}
