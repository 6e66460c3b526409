// Drills of watchdogs: which node is being drilled, how far that is, when one is overdue. Reads only.
import type { Settings } from '../../shared/settings.ts'
import type { ClusterCommandView, ClusterView, NodeName, NodeView } from './view.ts'

/** Far longer than services take to move away and a machine to boot. */
export const drillLimitMs = 7_200_000
const dayMs = 86_400_000

type Commands = Pick<ClusterView, 'clusterCommands'>

/** The drill of this node that is under way; undefined: none is. */
export function drillOf(
  { clusterCommands }: Commands,
  node: NodeName,
): ClusterCommandView | undefined {
  return clusterCommands.find(
    (one) => one.kind === 'drill' && one.node === node && one.status === 'running',
  )
}

/** It is to be emptied, or kept empty: at an operator's word, or for its drill. */
export function isToBeEmpty(view: Commands, node: NodeView): boolean {
  return node.maintenanceRequested || drillOf(view, node.name) !== undefined
}

/**
 * The drill that the node is to do now; null: none, or something may still run on it.
 * @param isHeld whether it holds any grant
 */
export function orderedDrill(
  view: Commands & Pick<ClusterView, 'disarm'>,
  node: NodeView,
  isHeld: () => boolean,
): { uid: string } | null {
  const drill = drillOf(view, node.name)
  if (!drill || node.health == null || view.disarm !== null) return null
  if (node.state !== 'maintenance') return null
  if (node.health.drill?.uid === drill.uid || isHeld()) return null
  return { uid: drill.uid }
}

/** Why its watchdog should be drilled; null: it need not, or cannot be. */
export function whyDrillDue(
  node: NodeView,
  { drillEveryDays }: Pick<Settings, 'drillEveryDays'>,
  nowMs: number,
): string | null {
  const { watchdog, health } = node
  if (drillEveryDays === 0 || (watchdog.class !== 'qualified' && watchdog.class !== 'weak'))
    return null
  const last = health?.drill ?? null
  if (last === null || last.identity !== watchdog.identity) return 'its watchdog was never drilled'
  if (last.outcome !== 'fired') return 'its last drill has proved nothing'
  const days = Math.floor((nowMs - last.atMs) / dayMs)
  return days > drillEveryDays ? `its last drill was ${days} days ago` : null
}
