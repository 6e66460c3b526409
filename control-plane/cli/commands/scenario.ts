// ha-manager export-scenario: a stored round, or the cluster as it is, under other names, to attach to a bug report.
import type { Command } from 'commander'
import type { ScenarioBody } from '../../../shared/scenario.ts'
import { printOut, withPlane } from '../session.ts'
import { roundNumber } from './rounds.ts'

/** A large round takes a while to read. */
const patienceMs = 60_000

/** Adds export-scenario. */
export function addScenario(program: Command): void {
  program
    .command('export-scenario')
    .description('a stored round, or the cluster as it is, under other names: for a bug report')
    .argument('[round]', 'a stored round (usual: the cluster as it is)')
    .option('--view', 'the whole view as JSON instead, under the same names')
    .action(
      withPlane<{ view?: boolean }>(async (session, [round], { view = false }) => {
        const inside =
          round === undefined ? '/scenario' : `/rounds/${roundNumber(round, 'the round')}/scenario`
        const answer = await session.plane.get<ScenarioBody>(await session.path(inside), {
          query: { view: view || undefined },
          timeoutMs: patienceMs,
        })
        if (view) printOut(JSON.stringify(answer.view, null, 2))
        else session.print(answer, () => answer.scenario.trimEnd())
      }),
    )
}
