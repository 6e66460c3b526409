// status: the same picture as ha-manager status, from the stored rows.
import type { Command } from 'commander'
import { refused } from '../cli/failure.ts'
import { formatStatus } from '../cli/status-text.ts'
import { statusOf } from '../cluster/status.ts'
import { nMinusOne } from '../crm/what-if/n-minus-one.ts'
import { loadSurroundings } from '../http/records/surroundings.ts'
import { loadView } from '../store/load-view.ts'
import { withAdmin } from './action.ts'

/** Adds status. */
export function addStatus(program: Command): void {
  program
    .command('status')
    .description('the cluster as the database has it')
    .action(
      withAdmin(async (admin) => {
        const cluster = await admin.cluster()
        const view = await loadView(admin.sql, cluster.id)
        if (!view)
          throw refused(`cluster ${cluster.name} cannot be loaded`, { code: 'not-loadable' })
        const around = await loadSurroundings(admin.sql, cluster.id, true)
        const status = statusOf(view, around, nMinusOne(view))
        admin.print(status, () => formatStatus(status))
      }),
    )
}
