// One question of a tool to the plane: its addresses in turn, but never a second time what may have been heard. Every bad end
// becomes a `Failure` with the tool's exit code.
import type { z } from 'zod'
import { notManagedCodes } from '../../shared/node-tools.ts'
import { AgentProblem } from '../../shared/protocol.ts'
import type { HttpReply, Transport } from '../http-transport.ts'

export const exitCodes = { done: 0, refused: 1, usage: 2, unreachable: 3, notManaged: 4 } as const

export class Failure extends Error {
  readonly exitCode: number
  readonly code: string
  constructor(exitCode: number, code: string, sentence: string) {
    super(sentence)
    this.exitCode = exitCode
    this.code = code
  }
}

export type Question = {
  method: 'get' | 'post'
  path: string
  body?: object
  timeoutMs: number
}

export type Plane = { urls: string[]; transport: Transport }

/** The plane's answer, understood. Throws Failure. */
export async function ask<T>(plane: Plane, question: Question, schema: z.ZodType<T>): Promise<T> {
  const reply = await send(plane, question)
  let value: unknown = null
  try {
    value = JSON.parse(reply.body)
  } catch {
    throw notUnderstood(reply.status, plane.urls)
  }
  if (reply.status >= 400) throw refusal(reply.status, value, plane.urls)
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw notUnderstood(reply.status, plane.urls)
}

async function send({ urls, transport }: Plane, question: Question): Promise<HttpReply> {
  const { method, path, body = {}, timeoutMs } = question
  let last = 'no address of it is known'
  for (const base of urls) {
    const url = `${base}/agent/v1${path}`
    try {
      return method === 'post'
        ? await transport.post(url, JSON.stringify(body), timeoutMs)
        : await transport.get(url, timeoutMs, new AbortController().signal)
    } catch (error) {
      last = (error as Error).message
      if (method === 'post' && mayBeHeard(error))
        throw new Failure(
          exitCodes.unreachable,
          'connection-broken',
          `the plane at ${base} did not answer (${last}); whether it accepted is not known: ask for the status`,
        )
    }
  }
  const where = urls.join(' and ')
  throw new Failure(
    exitCodes.unreachable,
    'unreachable',
    `the plane at ${where} cannot be reached (${last}); nothing was done on this node`,
  )
}

/** Broken after it was connected: the request may have arrived. */
function mayBeHeard(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE' || message.startsWith('no answer within')
}

function refusal(status: number, value: unknown, urls: string[]): Failure {
  const problem = AgentProblem.safeParse(value)
  if (!problem.success) return notUnderstood(status, urls)
  const { code, title, detail = title } = problem.data
  if (notManagedCodes.includes(code))
    return new Failure(exitCodes.notManaged, code, `${detail}; nothing was done`)
  if (status === 503) return new Failure(exitCodes.unreachable, code, detail)
  return new Failure(exitCodes.refused, code, detail)
}

function notUnderstood(status: number, urls: string[]): Failure {
  return new Failure(
    exitCodes.unreachable,
    'not-understood',
    `what answers at ${urls.join(' and ')} is no plane that knows these tools (HTTP ${status})`,
  )
}
