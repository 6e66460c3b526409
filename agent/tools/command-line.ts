// The command line of a tool, checked before anything is read or asked.
import { parseArgs } from 'node:util'
import { NodeName, ServiceId } from '../../shared/names.ts'
import { toolBodies, type ToolOperation } from '../../shared/node-tools.ts'
import { Url } from '../config.ts'
import { kindOf } from './kinds.ts'

export type Tool = {
  verb: ToolOperation | 'status'
  sid: string
  /** Of the request. */
  body: { timeoutMs?: number; node?: string }
  waitMs: number
  isJson: boolean
  home: string
  /** null: those of the join. */
  urls: string[] | null
}

const usualWaitS = '120'
/** After a shutdown's time is over it is killed, and that is verified. */
const afterTimeoutMs = 60_000

/** The tool, or one sentence about what is wrong with the command line. */
export function readTool(
  args: string[],
  environment: NodeJS.ProcessEnv,
): { tool: Tool } | { fault: string } {
  try {
    return { tool: toolOf(parse(args), environment) }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

function toolOf({ values, positionals }: ReturnType<typeof parse>, env: NodeJS.ProcessEnv): Tool {
  const [kind, verb = '', id, node, ...more] = positionals
  if (!isVerb(verb)) throw new Error(`after ${kind} comes one of ${verbs.join(', ')}`)
  if (id === undefined) throw new Error(`${kind} ${verb}: which one?`)
  const sid = ServiceId.safeParse(`${kindOf(kind)}:${id}`)
  if (!sid.success) throw new Error(sid.error.issues[0]?.message)
  if (verb === 'migrate' && node === undefined) throw new Error('migrate: to which node?')
  const excess = verb === 'migrate' ? more : [node, ...more]
  if (excess[0] !== undefined) throw new Error(`unexpected: ${excess[0]}`)
  if (values.timeout !== undefined && verb !== 'shutdown')
    throw new Error('--timeout is of shutdown only: stop kills at once')
  const timeoutMs = values.timeout === undefined ? undefined : msOf(values.timeout, '--timeout')
  const url = values.url ?? env['HOLDFAST_URL']
  if (!values.home.startsWith('/')) throw new Error('--home must be an absolute path')
  return {
    ...{ verb, sid: sid.data, isJson: values.json, home: values.home },
    body: {
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(verb === 'migrate' && { node: nodeOf(node) }),
    },
    waitMs: Math.max(
      msOf(values.wait ?? usualWaitS, '--wait'),
      values.wait === undefined && timeoutMs !== undefined ? timeoutMs + afterTimeoutMs : 0,
    ),
    urls: url === undefined ? null : url.split(',').map(urlOf),
  }
}

const verbs = [...(Object.keys(toolBodies) as ToolOperation[]), 'status'] as const

function isVerb(word: string): word is Tool['verb'] {
  return (verbs as readonly string[]).includes(word)
}

function nodeOf(word: string | undefined): string {
  const node = NodeName.safeParse(word)
  if (!node.success) throw new Error(node.error.issues[0]?.message)
  return node.data
}

function urlOf(text: string): string {
  if (!Url.safeParse(text).success) throw new Error('--url must be http or https addresses')
  return text.replace(/\/+$/, '')
}

function msOf(text: string, what: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= 3_600)) throw new Error(`${what} must be 0 to 3600 seconds, not ${text}`)
  return Math.round(seconds * 1_000)
}

function parse(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      home: { type: 'string', default: '/var/lib/holdfast' },
      url: { type: 'string' },
      json: { type: 'boolean', default: false },
      timeout: { type: 'string' },
      wait: { type: 'string' },
    },
  })
}
