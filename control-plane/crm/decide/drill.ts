// A drill of a node's watchdog, from the command to its end: the node is emptied, told to leave its watchdog unfed, is
// reset, comes back and says what it found. SAFETY: nothing here closes a grant or judges a node dead; the node is told
// only while it holds no grant, and what it is granted meanwhile it never confirms.
import type { DrillResult } from '../../../shared/node-health.ts'
import { drillLimitMs, orderedDrill } from '../../cluster/drills.ts'
import { compareText } from '../../cluster/grants.ts'
import type { ClusterCommandView, CommandStatus, NodeView } from '../../cluster/view.ts'
import { type Draft, heldBy, lookAgainAt, nodeNamed } from './draft.ts'
import { isOperational } from './node-states.ts'

type Verdict = [CommandStatus, string] | null

/** Whether it may begin now: asked again, since the world may have moved on. */
export function beginDrill(draft: Draft, command: ClusterCommandView): Verdict {
  const { view } = draft
  const node = nodeNamed(draft, command.node)
  if (!node) return ['refused', `no node ${command.node}`]
  if (view.disarm !== null) return ['refused', `the cluster is ${view.disarm.state}: arm it first`]
  const other = view.clusterCommands.find(
    (one) => one.kind === 'drill' && one.status === 'running' && one.uid !== command.uid,
  )
  if (other) return ['refused', `a drill of ${other.node} is under way: one node at a time`]
  if (node.watchdog.class === 'none') return ['refused', 'it has no watchdog that could fire']
  return ['running', 'its services move away']
}

/** How far it is, or how it ended; null: nothing new. */
export function endDrill(draft: Draft, command: ClusterCommandView): Verdict {
  const { view, nowMs } = draft
  const node = nodeNamed(draft, command.node)
  if (!node) return ['failed', 'it is no member any more']
  const result = node.health?.drill
  if (result?.uid === command.uid) return verdictOf(result)
  if (view.disarm !== null) return ['failed', `the cluster is ${view.disarm.state}`]
  const limitMs = (command.createdMs ?? nowMs) + drillLimitMs
  if (nowMs >= limitMs)
    return ['failed', `not over after ${drillLimitMs / 3_600_000} hours: ${command.reason}`]
  lookAgainAt(draft, limitMs)
  const reason = progress(draft, node, command)
  draft.nodeNotes.set(node.name, `drill: ${reason}`)
  return reason === command.reason ? null : ['running', reason]
}

function verdictOf({ outcome, detail, effectiveMs, awayMs }: DrillResult): Verdict {
  const away = awayMs === null ? '' : `; back after ${seconds(awayMs)}`
  if (outcome === 'fired')
    return ['done', `its watchdog fired: ${detail}; W counts ${seconds(effectiveMs)}${away}`]
  if (outcome === 'unproved') return ['failed', `nothing is proved: ${detail}${away}`]
  if (outcome === 'did-not-fire')
    return ['failed', `its watchdog did not fire: ${detail}; this node cannot protect`]
  return ['failed', `its watchdog was not armed: ${detail}`]
}

const silent = 'it is silent: waits for it to come back'
const back = 'it is back: waits for what it has found'
/** What it has found comes beside its renewals, and rings for no round. */
const lookEveryMs = 1_000

function progress(draft: Draft, node: NodeView, { reason }: ClusterCommandView): string {
  const held = heldBy(draft, node.name).map(({ sid }) => sid)
  if (held.length > 0) {
    const [first, ...others] = [...new Set(held)].sort(compareText)
    return `waits for ${first}${others.length > 0 ? ` and ${others.length} more` : ''} to leave`
  }
  if (!isOperational(draft, node.name)) return silent
  lookAgainAt(draft, draft.nowMs + lookEveryMs)
  if (reason === silent || reason === back) return back
  if (node.health == null) return 'waits for its agent to say what it can'
  return orderedDrill(draft.view, node, () => false) === null
    ? 'waits until it is kept empty'
    : 'nothing runs on it any more: it leaves its watchdog unfed'
}

const seconds = (ms: number) => `${Math.round(ms / 100) / 10} s`
