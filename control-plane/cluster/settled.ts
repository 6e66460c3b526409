// Which services run where they should, as far as they say themselves: most of them, in most rounds. What their node, its
// answers and their rules say is asked elsewhere. Must never say so of one that wants anything. Pure.
import type { ServiceView } from './view.ts'

/** Started and wanted so, held by its node alone, known to run there, and nothing is remembered that is to be done yet. */
export function isSettled({ config, status, grant }: ServiceView): boolean {
  if (config === null || status === null || grant === null) return false
  const { node, failedNodes } = status
  if (status.state !== 'started' || config.requested !== 'started' || node === null) return false
  if (!status.running || status.restart || status.probeRound !== null) return false
  if (status.fallbackNode !== null || failedNodes.length > 0) return false
  return grant.holders.length === 1 && grant.holders[0]!.node === node
}
