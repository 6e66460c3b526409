// migrate: brings the schema up to date; the control plane does the same when it starts.
import type { Command } from 'commander'
import { withAdmin } from './action.ts'

/** Adds migrate. */
export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema of the database up to this version')
    .action(
      withAdmin(async (admin) => {
        const { migrate } = await import('../store/migrate.ts')
        await migrate(admin.url)
        admin.print({ migrated: true }, () => 'The schema is up to date.')
      }),
    )
}
