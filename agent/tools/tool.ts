// The tools on a node: `ha-agent vm stop 100`. Each asks the plane with this node's credential, waits for the end and says how
// it ended. Must never do anything to a service by itself: a stop that the cluster does not know of would be undone, and a
// start could be the second.
import { setTimeout as pause } from 'node:timers/promises'
import { longestToolWaitS, ToolCommand, ToolStatus } from '../../shared/node-tools.ts'
import { createTransport } from '../http-transport.ts'
import { type Identity, readIdentity } from '../identity.ts'
import { ask, exitCodes, Failure, type Plane } from './ask-plane.ts'
import { readTool, type Tool } from './command-line.ts'
import { toolUsage } from './kinds.ts'

/** What a tool ends with. */
export type End = { exitCode: number; out: string; error: string }

/** On top of what the plane was asked to hold a request. */
const graceMs = 10_000
/** Between two questions, where the plane answers at once or asked too often is. */
const pauseMs = 1_000

/** Runs the tool that the command line names. */
export async function runTool(args: string[], environment: NodeJS.ProcessEnv): Promise<End> {
  const read = readTool(args, environment)
  if ('fault' in read) {
    const error = `ha-agent: ${read.fault}\n\nUsage:\n${toolUsage}\n`
    return { exitCode: exitCodes.usage, out: '', error }
  }
  const { tool } = read
  try {
    return { exitCode: exitCodes.done, out: `${await carryOut(tool)}\n`, error: '' }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const { exitCode, code, message } = error
    const told = tool.isJson ? JSON.stringify({ error: { code, message } }) : `ha-agent: ${message}`
    return { exitCode, out: '', error: `${told}\n` }
  }
}

async function carryOut(tool: Tool): Promise<string> {
  const { credential, urls, pin } = identityIn(tool.home)
  const plane = { urls: tool.urls ?? urls, transport: createTransport(credential, pin) }
  try {
    if (tool.verb !== 'status') return await command(plane, tool)
    const status = await look(plane, tool)
    return tool.isJson ? JSON.stringify(status, null, 2) : describe(status)
  } finally {
    await plane.transport.close()
  }
}

function identityIn(home: string): Identity {
  let why: string
  try {
    const known = readIdentity(home)
    if (known) return known
    why = `${home} has no identity: this machine is no node of a cluster, or its agent has another --home`
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    why = code === 'EACCES' ? `${home} cannot be read: run this as root` : message
  }
  throw new Failure(exitCodes.usage, 'no-identity', why)
}

function look(plane: Plane, { sid }: Tool): Promise<ToolStatus> {
  const question = { method: 'get', path: `/services/${sid}`, timeoutMs: graceMs } as const
  return ask(plane, question, ToolStatus)
}

async function command(plane: Plane, tool: Tool): Promise<string> {
  const { verb, sid, body, waitMs, isJson } = tool
  const endMs = performance.now() + waitMs
  const what = `${verb} ${sid}${body.node === undefined ? '' : ` ${body.node}`}`
  let row = await accepted(plane, `/services/${sid}/${verb}`, body, endMs)
  while (isOpen(row) && performance.now() < endMs) row = await follow(plane, row, what, endMs)
  const { status, reason, uid } = row
  if (status === 'failed' || status === 'refused')
    throw new Failure(
      exitCodes.refused,
      `command-${status}`,
      `${what} ${status === 'failed' ? 'failed' : 'was refused'}: ${reason || 'no reason given'}`,
    )
  if (isOpen(row) && waitMs > 0) {
    const note = await look(plane, tool).then(
      (seen) => seen.note,
      () => '',
    )
    const waitsFor = note ? `: ${note}` : ''
    throw new Failure(
      exitCodes.refused,
      'wait-over',
      `${what} is not finished yet${waitsFor}; it goes on as command ${uid}`,
    )
  }
  if (isJson) return JSON.stringify(row, null, 2)
  if (isOpen(row)) return `${what}: accepted as ${uid} (${status})`
  return `${what}: done${reason ? ` (${reason})` : ''}`
}

/** Asks for it. What was asked too often, or met a busy database, was not accepted, and is asked again. */
async function accepted(
  plane: Plane,
  path: string,
  body: object,
  endMs: number,
): Promise<ToolCommand> {
  for (;;) {
    try {
      return await ask(plane, held('post', path, body, endMs), ToolCommand)
    } catch (error) {
      const { code } = error as Failure
      if (code !== 'too-many-requests' && code !== 'busy') throw error
      if (performance.now() + pauseMs > endMs) throw error
      await pause(pauseMs)
    }
  }
}

/** How far it is. A plane that cannot be reached meanwhile may come back: the command is in its database. */
async function follow(plane: Plane, row: ToolCommand, what: string, endMs: number) {
  try {
    const next = await ask(plane, held('get', `/commands/${row.uid}`, {}, endMs), ToolCommand)
    if (isOpen(next)) await pause(Math.min(pauseMs / 4, Math.max(0, endMs - performance.now())))
    return next
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const mayPass = error.exitCode === exitCodes.unreachable || error.code === 'too-many-requests'
    if (!mayPass || performance.now() + pauseMs > endMs)
      throw new Failure(
        error.exitCode,
        error.code,
        `${what} was accepted as command ${row.uid}, and goes on; how it ends is not known: ${error.message}`,
      )
    await pause(pauseMs)
    return row
  }
}

function held(method: 'get' | 'post', path: string, body: object, endMs: number) {
  const leftS = Math.max(0, Math.ceil((endMs - performance.now()) / 1_000))
  const waitS = Math.min(longestToolWaitS, leftS)
  return { method, path: `${path}?wait=${waitS}`, body, timeoutMs: waitS * 1_000 + graceMs }
}

function isOpen({ status }: ToolCommand): boolean {
  return status === 'pending' || status === 'running'
}

function describe(seen: ToolStatus): string {
  const { sid, requested, state, crmState, node, target, note } = seen
  const rows = [
    ['requested', requested ?? 'nothing: it was removed'],
    ['state', state],
    ['CRM state', crmState ?? 'not seen yet'],
    ['node', `${node ?? 'none'}${target === null ? '' : `, on its way to ${target}`}`],
    ['note', note || '-'],
  ] as const
  return [sid, ...rows.map(([name, value]) => `  ${name.padEnd(10)}${value}`)].join('\n')
}
