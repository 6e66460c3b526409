// What manager_status says of the moment: where services are and how, and what an operator has asked of nodes. Nothing of it
// is imported; it is there to be told, so that nobody is surprised.
import { addFault, addNote, type Findings } from './findings.ts'

/** Where a service was, and how, when the file was written. */
export type SeenService = { state: string; node: string | null }
export type SeenStatus = {
  services: Map<string, SeenService>
  nodes: string[]
  lineOf(name: string): number
}

const file = 'manager_status' as const
type Json = Record<string, unknown>

export function readManagerStatus(text: string, findings: Findings): SeenStatus {
  const seen: SeenStatus = { services: new Map(), nodes: [], lineOf: (name) => lineOf(text, name) }
  if (text.trim() === '') return seen
  const status = parse(text, findings)
  if (status === null) return seen
  for (const [sid, record] of entriesOf(status, 'service_status', seen, findings)) {
    const { state, node } = isObject(record) ? record : {}
    if (typeof state === 'string')
      seen.services.set(sid, { state, node: typeof node === 'string' ? node : null })
    else addFault(findings, { file, line: seen.lineOf(sid) }, sid, 'its state must be a text')
  }
  for (const [node] of entriesOf(status, 'node_status', seen, findings)) seen.nodes.push(node)
  noteRequests(status, seen, findings)
  return seen
}

function parse(text: string, findings: Findings): Json | null {
  try {
    const parsed: unknown = JSON.parse(text)
    if (isObject(parsed)) return parsed
    addFault(findings, { file, line: 1 }, '', 'must be a JSON object')
  } catch (cause) {
    const { message } = cause as SyntaxError
    const position = Number(/position (\d+)/.exec(message)?.[1] ?? text.length)
    const line = text.slice(0, position).split('\n').length
    addFault(findings, { file, line }, '', `must be JSON: ${message}`)
  }
  return null
}

function entriesOf(
  status: Json,
  key: string,
  seen: SeenStatus,
  findings: Findings,
): [string, unknown][] {
  const value = status[key] ?? {}
  if (isObject(value)) return Object.entries(value)
  addFault(findings, { file, line: seen.lineOf(key) }, key, 'must be an object')
  return []
}

/** What was asked of nodes and of the whole cluster there has to be asked for again here. */
function noteRequests(status: Json, seen: SeenStatus, findings: Findings): void {
  for (const [node, request] of entriesOf(status, 'node_request', seen, findings))
    if (isObject(request) && request.maintenance)
      addNote(
        findings,
        { file, line: seen.lineOf('node_request') },
        node,
        `in maintenance there; here it is once you say: ha-manager node maintenance ${node} on`,
      )
  if (isObject(status.disarm))
    addNote(
      findings,
      { file, line: seen.lineOf('disarm') },
      'disarm',
      `the old cluster is disarmed (${String(status.disarm.mode)}); this one is not`,
    )
}

function lineOf(text: string, name: string): number {
  const at = text.indexOf(`"${name}"`)
  return at === -1 ? 1 : text.slice(0, at).split('\n').length
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
