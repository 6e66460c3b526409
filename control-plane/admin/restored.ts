// restored: the operator says that the database was restored from files. Marks every cluster's plane epoch so that the
// next round sees another database, changes the plane epoch and goes into quarantine (safety contract, rule 9).
import type { Command } from 'commander'
import { confirmName } from '../cli/confirm-name.ts'
import { recordAdminAudit, withAdmin } from './action.ts'

/** What `plane_epoch.system_id` says until the next round has seen it; the round knows this word. */
const mark = 'restored'

const warning = `This is for a database that was restored from files, a snapshot or a disk image.
Every cluster in it goes into quarantine: nothing is started until every node has said what it runs, or is proved dead.`

/** Adds restored. */
export function addRestored(program: Command): void {
  program
    .command('restored')
    .description(
      'after a restore of the database from files: quarantine until every node has said what it runs',
    )
    .option('--type <word>', 'the word restored, instead of typing it when asked')
    .action(
      withAdmin<{ type?: string }>(async (admin, _, flags) => {
        const typed = await confirmName('restored', warning, flags.type)
        if (typed !== 'restored') {
          const { refused } = await import('../cli/failure.ts')
          throw refused('not confirmed: type restored', { code: 'not-confirmed' })
        }
        const clusters = await admin.sql.begin(async (tx) => {
          const marked = await tx<{ id: number; name: string }[]>`
            update plane_epoch p set system_id = ${mark} from cluster c where c.id = p.cluster_id
            returning c.id, c.name`
          await tx`update crm set next_round_at = clock_timestamp()`
          for (const { id } of marked) await recordAdminAudit(tx, id, 'restored', {})
          for (const { id } of marked) await tx`select pg_notify('holdfast_crm', ${String(id)})`
          return marked.map(({ name }) => name).toSorted()
        })
        admin.print({ clusters }, () =>
          clusters.length === 0
            ? 'There is no cluster in this database.'
            : `Marked: ${clusters.join(', ')}. The next round of the plane changes the plane epoch and begins the quarantine.`,
        )
      }),
    )
}
