// The seam to the control plane: every request is tried once, at one of the plane's addresses; what comes back is a
// value, refusals and failures too. Never repeats a request by itself: a lease counts from the sending of one request.
import { z } from 'zod'
import {
  AgentProblem,
  Desired,
  EpochAnswer,
  type EpochRequest,
  JoinAnswer,
  type JoinRequest,
  LeaseAnswer,
  type LeaseRequest,
  ManagedServices,
} from '../shared/protocol.ts'
import type { NodeAnswer } from '../shared/node-question.ts'
import type { Random } from '../shared/random.ts'
import { createTransport, type HttpReply, type Transport } from './http-transport.ts'

export type Reply<T> =
  /** `managed`, `question`: what an answer to the desired state says beside it; absent: nothing, or it is old. */
  | { kind: 'ok'; answer: T; managed?: string; question?: string }
  | { kind: 'refused'; status: number; problem: AgentProblem }
  | { kind: 'failed'; why: string }

export type DesiredQuestion = { planeEpoch: number; revision: number; waitMs: number }

export interface ControlPlaneClient {
  join(request: JoinRequest, timeoutMs: number): Promise<Reply<JoinAnswer>>
  epoch(request: EpochRequest, timeoutMs: number): Promise<Reply<EpochAnswer>>
  lease(request: LeaseRequest, timeoutMs: number): Promise<Reply<LeaseAnswer>>
  managed(timeoutMs: number): Promise<Reply<ManagedServices>>
  /** `null`: nothing newer within `waitMs`. */
  desired(question: DesiredQuestion, cancel: AbortSignal): Promise<Reply<Desired | null>>
  /** Answers a question; one that nobody waits for any more is taken in, too. */
  answer(uid: string, answer: NodeAnswer, timeoutMs: number): Promise<Reply<unknown>>
  close(): Promise<void>
}

export type ClientOptions = {
  /** Addresses of the plane's replicas; the first that works is used until it fails. */
  urls: string[]
  /** Bearer credential; null before the join. */
  credential: string | null
  /** Fingerprint of the plane's certificate, if that is what is trusted. */
  pin?: string | null | undefined
  random: Random
  /** How requests travel; absent: HTTP. */
  transport?: Transport
}

const never = new AbortController().signal

/** How long past `waitMs` the answer to a long poll may take. */
const pollGraceMs = 5_000

export function createControlPlaneClient(options: ClientOptions): ControlPlaneClient {
  const transport = options.transport ?? createTransport(options.credential, options.pin)
  const rotation = createRotation(options.urls, options.random)

  async function call<T>(
    send: (base: string) => Promise<HttpReply>,
    schema: z.ZodType<T>,
  ): Promise<Reply<T>> {
    const base = rotation.current()
    let reply: HttpReply
    try {
      reply = await send(base)
    } catch (error) {
      rotation.leave(base)
      return { kind: 'failed', why: `${base}: ${describe(error)}` }
    }
    if (reply.status >= 500) rotation.leave(base)
    return understand(reply, schema)
  }

  const post = <T>(path: string, body: unknown, timeoutMs: number, schema: z.ZodType<T>) =>
    call((base) => transport.post(`${base}${path}`, JSON.stringify(body), timeoutMs), schema)

  return {
    join: (request, timeoutMs) => post('/agent/v1/join', request, timeoutMs, JoinAnswer),
    epoch: (request, timeoutMs) => post('/agent/v1/epoch', request, timeoutMs, EpochAnswer),
    lease: (request, timeoutMs) => post('/agent/v1/lease', request, timeoutMs, LeaseAnswer),
    managed: (timeoutMs) =>
      call((base) => transport.get(`${base}/agent/v1/managed`, timeoutMs, never), ManagedServices),
    desired({ planeEpoch, revision, waitMs }, cancel) {
      const query = `planeEpoch=${planeEpoch}&revision=${revision}&waitMs=${waitMs}`
      const timeoutMs = waitMs + pollGraceMs
      return call(
        (base) => transport.get(`${base}/agent/v1/desired?${query}`, timeoutMs, cancel),
        Desired.nullable(),
      )
    },
    answer: (uid, answer, timeoutMs) =>
      post(`/agent/v1/questions/${uid}`, answer, timeoutMs, z.unknown()),
    close: () => transport.close(),
  }
}

function understand<T>(reply: HttpReply, schema: z.ZodType<T>): Reply<T> {
  const { status, body } = reply
  let value: unknown = null
  try {
    if (status !== 204) value = JSON.parse(body)
  } catch {
    return { kind: 'failed', why: `HTTP ${status}, not JSON` }
  }
  if (status >= 200 && status < 300) {
    const parsed = schema.safeParse(value)
    if (parsed.success)
      return {
        ...{ kind: 'ok', answer: parsed.data },
        ...(reply.managed && { managed: reply.managed }),
        ...(reply.question && { question: reply.question }),
      }
    return { kind: 'failed', why: `answer not understood: ${z.prettifyError(parsed.error)}` }
  }
  const problem = AgentProblem.safeParse(value)
  if (problem.success) return { kind: 'refused', status, problem: problem.data }
  return { kind: 'failed', why: `HTTP ${status}` }
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ? `${code} ${message}` : message
}

/** Stays with an address until it fails; then another, at random, so that agents do not move as one flock. */
function createRotation(urls: string[], random: Random) {
  let at = Math.floor(random.float() * urls.length)
  return {
    current: () => urls[at] ?? '',
    leave(base: string) {
      if (urls[at] !== base || urls.length < 2) return
      at = (at + 1 + Math.floor(random.float() * (urls.length - 1))) % urls.length
    },
  }
}
