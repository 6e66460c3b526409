// What nodes tell of their machines, as tables (`--verbose`). Pure.
import { type Stalls, stallBoundsMs } from '../../shared/node-health.ts'
import type { Status } from '../../shared/operator-api.ts'
import { formatDuration } from './duration.ts'
import type { Column } from './table.ts'

type Node = Status['nodes'][number]

/** Beside the usual columns of a node. */
export const healthColumns: Column<Node>[] = [
  { title: 'NODE', value: (node) => node.name },
  { title: 'LATE (WORST, P99)', value: ({ stalls }) => (stalls ? lateText(stalls) : '-') },
  { title: 'LAST DRILL', value: drillText },
  { title: 'LAST LIFE', value: ({ lastEnd }) => lastEnd?.why ?? 'ended in order, or not known' },
]

/** How late its agent decided in about the last hour; of the 99th percentile only its class is known. */
function lateText({ worstMs, counts }: Stalls): string {
  const all = counts.reduce((sum, count) => sum + count, 0)
  if (all === 0) return '-'
  let seen = 0
  const found = counts.findIndex((count) => (seen += count) >= all * 0.99)
  const bound = stallBoundsMs[found]
  return `${Math.round(worstMs)} ms, ${bound === undefined ? 'more than 2.5 s' : `≤ ${bound} ms`}`
}

function drillText({ watchdog: { lastDrill } }: Node): string {
  if (!lastDrill) return 'never'
  const { outcome, atMs, effectiveMs, awayMs } = lastDrill
  const day = new Date(atMs).toISOString().slice(0, 10)
  if (outcome !== 'fired') return `${day}: ${outcome}`
  const away = awayMs === null ? '' : `, away ${formatDuration(awayMs)}`
  return `${day}: fired, W ${formatDuration(effectiveMs)}${away}`
}
