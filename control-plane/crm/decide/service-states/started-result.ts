// started: what its agent answered. A start that failed was stopped, verified and closed by the agent first (M18);
// the next node is tried as often as `maxRelocate` allows. Only a start that lasts clears the count (D2).
import { holderOn, reportOn } from '../../../cluster/grants.ts'
import { type Draft, newId, setCommand } from '../draft.ts'
import { startMove } from '../moves.ts'
import { place } from '../place.ts'
import { setFields, toState } from '../transition.ts'
import { type Managed, outcomeText, resultOf } from './step.ts'

/** Takes what there is to take; true when that changed the service. */
export function takeResult(draft: Draft, managed: Managed): boolean {
  const { sid, service, config, status } = managed
  const isSuccessNews = !status.running || status.restart || status.failedNodes.length > 0
  const result = resultOf(draft, managed, isSuccessNews)
  if (result === null) return false
  if (result.outcome === 'ok') {
    // The other half of a move that failed may hold it still, when this one has been ended meanwhile.
    const isHeldHere = holderOn(service.grant, status.node) !== undefined
    return isHeldHere && takeSuccess(draft, managed)
  }
  const failedNodes = [...status.failedNodes, status.node!]
  const outcome = outcomeText(result)
  const mayTryElsewhere =
    result.outcome === 'error' || result.outcome === 'wrong-node' || result.outcome === 'timeout'
  if (!mayTryElsewhere || failedNodes.length > config.maxRelocate) {
    const count = `, start ${failedNodes.length} of ${config.maxRelocate + 1}`
    const why = `its start failed on ${status.node}: ${outcome}${mayTryElsewhere ? count : ''}`
    toState(draft, sid, 'error', { failedNodes }, why)
    return true
  }
  const why = `its start failed on ${status.node}: ${outcome}`
  setFields(
    draft,
    sid,
    { failedNodes, uid: newId(draft), running: false, restart: false, command: null },
    why,
  )
  const next = place(draft, sid, 'try-next')
  if (next.node !== null && next.node !== status.node)
    startMove(draft, sid, next.node, `${why}; tries ${next.node}: ${next.why}`)
  return true
}

function takeSuccess(draft: Draft, { sid, service, status }: Managed): boolean {
  if (status.restart) {
    setFields(
      draft,
      sid,
      { restart: false, running: true, command: null },
      `restarted on ${status.node}`,
    )
    const command = draft.view.commands.find((one) => one.uid === status.command)
    if (command) setCommand(draft, command, 'done', `restarted on ${status.node}`)
    return true
  }
  if (!status.running) {
    setFields(draft, sid, { running: true }, `${status.node} runs it`)
    return true
  }
  if (status.failedNodes.length === 0) return false
  const node = draft.view.nodes[status.node!]!
  const said = reportOn(node, service)
  const isStable = said?.state === 'running' && said.stable
  if (isStable) setFields(draft, sid, { failedNodes: [] }, `it has kept running on ${node.name}`)
  return isStable
}
