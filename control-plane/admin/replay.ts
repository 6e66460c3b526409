// rounds, replay, export-scenario: the decision journal, straight from the database, for when no plane runs. Reads only.
import type { Command } from 'commander'
import { replayDiffers, roundNumber } from '../cli/commands/rounds.ts'
import { refused } from '../cli/failure.ts'
import { formatReplay, formatRounds } from '../cli/rounds-text.ts'
import { replay } from '../crm/replay.ts'
import { anonymise } from '../crm/scenario/anonymise.ts'
import { scenarioText } from '../crm/scenario/scenario-text.ts'
import { iso } from '../http/records/iso.ts'
import { countMissing, listRounds, loadRound } from '../store/journal/stored-rounds.ts'
import { loadView } from '../store/load-view.ts'
import { type Admin, withAdmin } from './action.ts'

/** Adds rounds and replay. */
export function addReplay(program: Command): void {
  program
    .command('rounds')
    .description('the stored rounds that changed something, newest first')
    .option('--limit <n>', 'at most so many', '50')
    .action(
      withAdmin<{ limit: string }>(async (admin, _, { limit }) => {
        const { id } = await admin.cluster()
        const rows = await listRounds(admin.sql, id, null, roundNumber(limit, '--limit'))
        const [newest, oldest] = [rows[0]?.round ?? 0, rows.at(-1)?.round ?? 0]
        const missing = rows.length > 0 ? await countMissing(admin.sql, id, oldest, newest) : 0
        const rounds = { rounds: rows.map((row) => ({ ...row, at: iso(row.at) })), missing }
        admin.print(rounds, () => formatRounds(rounds))
      }),
    )
  program
    .command('replay')
    .description('decide a stored round again and compare; exit code 1 where it differs')
    .argument('<round>')
    .action(
      withAdmin(async (admin, [text = '']) => {
        const round = roundNumber(text, 'the round')
        const { id } = await admin.cluster()
        const stored = await loadRound(admin.sql, id, round)
        if (!stored)
          throw refused(`round ${round} is not in the journal`, { code: 'unknown-round' })
        const again = { round, ...replay(stored.view, stored.plan) }
        admin.print(again, () => formatReplay(again))
        if (!again.same) throw replayDiffers(round)
      }),
    )
  program
    .command('export-scenario')
    .description('a stored round, or the cluster as it is, under other names: for a bug report')
    .argument('[round]', 'a stored round (usual: the cluster as it is)')
    .action(withAdmin(exportScenario))
}

async function exportScenario(admin: Admin, [text]: string[]): Promise<void> {
  const { id } = await admin.cluster()
  const round = text === undefined ? null : roundNumber(text, 'the round')
  const view =
    round === null
      ? await loadView(admin.sql, id)
      : ((await loadRound(admin.sql, id, round))?.view ?? null)
  if (view === null)
    throw refused(`round ${round} is not in the journal`, { code: 'unknown-round' })
  const shown = anonymise(round === null ? { ...view, round: view.round + 1 } : view)
  const scenario = scenarioText(shown)
  admin.print({ round: shown.round, scenario }, () => scenario.trimEnd())
}
