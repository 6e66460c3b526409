// Commands about a node or the whole cluster (D5): disarm, arm, and the maintenance of a node, which is a wish that was
// written together with its command. Begun here or refused with the reason, and ended when it is as asked.
import { lagging } from '../../cluster/disarm.ts'
import type { ClusterCommandView, CommandStatus } from '../../cluster/view.ts'
import { arm } from './disarm.ts'
import { decideChange, type Draft, heldBy, nodeNamed } from './draft.ts'
import { beginDrill, endDrill } from './drill.ts'
import { isOperational } from './node-states.ts'

type Verdict = [CommandStatus, string] | null

/** Begins what can begin, and refuses what cannot. */
export function acceptClusterCommands(draft: Draft): void {
  for (const command of draft.view.clusterCommands)
    if (command.status === 'pending') set(draft, command, begin(draft, command))
}

/** Ends the commands that are fulfilled, or have become impossible. */
export function finishClusterCommands(draft: Draft): void {
  for (const command of draft.view.clusterCommands)
    if (command.status === 'running') set(draft, command, end(draft, command))
}

function set(draft: Draft, command: ClusterCommandView, verdict: Verdict): void {
  if (verdict === null) return
  const [to, why] = verdict
  const about = command.node === null ? {} : { node: command.node }
  decideChange(draft, {
    kind: 'command.status',
    command: command.uid,
    sid: null,
    ...about,
    to,
    why,
  })
}

function begin(draft: Draft, command: ClusterCommandView): Verdict {
  const { disarm } = draft.view
  switch (command.kind) {
    case 'disarm': {
      if (disarm !== null)
        return ['refused', `the cluster is ${disarm.state} already, in mode ${disarm.mode}`]
      const mode = command.mode ?? 'freeze'
      decideChange(draft, {
        kind: 'disarm.changed',
        disarm: { mode, state: 'disarming', sinceMs: draft.nowMs, effectiveMs: null },
        why: 'disarming was commanded',
      })
      return ['running', `disarming in mode ${mode}`]
    }
    case 'arm':
      if (disarm === null) return ['refused', 'the cluster is not disarmed']
      arm(draft)
      return ['running', 'arming']
    case 'maintenance-on':
      return ['running', 'its services move away']
    case 'maintenance-off':
      endDrillsOf(draft, command)
      return ['running', 'it may be used again']
    case 'drill':
      return beginDrill(draft, command)
  }
}

function end(draft: Draft, command: ClusterCommandView): Verdict {
  const { disarm } = draft.view
  switch (command.kind) {
    case 'disarm':
      if (disarm === null) return ['failed', 'the cluster was armed again']
      return disarm.state === 'disarmed' ? ['done', `disarmed in mode ${disarm.mode}`] : null
    case 'arm':
      if (disarm !== null) return ['failed', 'the cluster was disarmed again']
      return lagging(draft.view, false).length === 0
        ? ['done', 'every node that answers protects its services again']
        : null
    case 'maintenance-on':
      return endOfMaintenance(draft, command)
    case 'maintenance-off':
      return endOfReturn(draft, command)
    case 'drill':
      return endDrill(draft, command)
  }
}

/** Whoever wants a node used again wants no drill of it. */
function endDrillsOf(draft: Draft, { node }: ClusterCommandView): void {
  for (const command of draft.view.clusterCommands)
    if (command.kind === 'drill' && command.node === node && command.status !== 'pending')
      set(draft, command, ['failed', 'its maintenance was ended'])
}

function endOfMaintenance(draft: Draft, command: ClusterCommandView): Verdict {
  const node = nodeNamed(draft, command.node)
  if (!node) return ['failed', 'it is no member any more']
  if (!node.maintenanceRequested) return ['failed', 'its maintenance was ended']
  if (node.state !== 'maintenance') return null
  const held = heldBy(draft, node.name)
  return held.length === 0 ? ['done', 'nothing runs on it any more'] : null
}

function endOfReturn(draft: Draft, command: ClusterCommandView): Verdict {
  const node = nodeNamed(draft, command.node)
  if (!node) return ['failed', 'it is no member any more']
  if (node.maintenanceRequested) return ['failed', 'maintenance was requested again']
  if (!isOperational(draft, node.name)) return ['done', 'it is used again as soon as it is back']
  return node.state === 'online' ? ['done', 'it is used again'] : null
}
