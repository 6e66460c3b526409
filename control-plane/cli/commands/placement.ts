// ha-manager placement: where a service would be placed now, and what is held against every other node.
import { Option, type Command } from 'commander'
import { type PlacementBody, placementPreferences } from '../../../shared/placement.ts'
import { segment, type Session, withPlane } from '../session.ts'
import { formatTable, paint } from '../table.ts'

/** Adds placement. */
export function addPlacement(program: Command): void {
  program
    .command('placement')
    .description('where a service would be placed now, and what rules out or ranks each node')
    .argument('<sid>')
    .addOption(
      new Option('--preference <how>', 'as the CRM would ask (usual: by its state)').choices(
        placementPreferences,
      ),
    )
    .action(
      withPlane<{ preference?: string }>((session, [sid = ''], { preference }) =>
        showPlacement(session, sid, preference),
      ),
    )
}

/** Also `why --placement`. */
export async function showPlacement(
  session: Session,
  sid: string,
  preference: string | undefined,
): Promise<void> {
  const path = await session.path(`/services/${segment(sid)}/placement`)
  const placement = await session.plane.get<PlacementBody>(path, { query: { preference } })
  session.print(placement, () => formatPlacement(placement))
}

/** The choice in a sentence, then every node. */
export function formatPlacement({ sid, current, chosen, why, nodes }: PlacementBody): string {
  const where =
    chosen === null
      ? paint('red', `${sid} can be placed nowhere`)
      : `${sid} would ${chosen === current ? 'stay on' : 'be placed on'} ${paint('green', chosen)}`
  const table = formatTable(nodes, [
    { title: 'NODE', value: ({ node }) => node },
    {
      title: 'VERDICT',
      value: ({ node, ruledOut }) =>
        node === chosen ? 'chosen' : ruledOut === null ? 'candidate' : 'ruled out',
      colour: ({ node, ruledOut }) =>
        node === chosen ? 'green' : ruledOut === null ? null : 'dim',
    },
    { title: 'SCORE', value: ({ score }) => scoreText(score), align: 'right' },
    { title: 'WHY', value: ({ ruledOut }) => ruledOut?.text ?? '', optional: true },
  ])
  return `${where}: ${why}\n\n${table}`
}

function scoreText(score: number | null): string {
  if (score === null) return '-'
  return Number.isInteger(score) ? String(score) : score.toFixed(3)
}
