// check: the invariants of the stored state, of one cluster or of all. Reads only, in one snapshot for each cluster.
import type { Command } from 'commander'
import type postgres from 'postgres'
import { Failure, exitCodes, refused } from '../cli/failure.ts'
import { loadView } from '../store/load-view.ts'
import { type Admin, type ChosenCluster, listClusters, withAdmin } from './action.ts'
import { findViolations, storedChecks, type Violation } from './stored-checks.ts'

/** Adds check. */
export function addCheck(program: Command): void {
  program
    .command('check')
    .description('check what must hold in the database; exit code 1 if anything does not')
    .action(withAdmin(check))
}

async function check(admin: Admin, _: string[], flags: { cluster?: string }): Promise<void> {
  const clusters = flags.cluster ? [await admin.cluster()] : await listClusters(admin.sql)
  const violations: Violation[] = []
  for (const cluster of clusters) violations.push(...(await checkCluster(admin.sql, cluster)))
  admin.print({ clusters: clusters.map(({ name }) => name), violations }, () =>
    violations.map(({ cluster, rule, what }) => `${cluster}: ${rule}: ${what}`).join('\n'),
  )
  if (violations.length > 0)
    throw new Failure(exitCodes.refused, `${violations.length} broken`, {
      code: 'invariant-broken',
      advice: 'Start nothing by hand before it is understood; no plane mends this by itself.',
    })
  if (!admin.json)
    process.stdout.write(
      `${clusters.length === 1 ? 'One cluster' : `${clusters.length} clusters`}, ${storedChecks.length} rules and the state machine: all hold.\n`,
    )
}

/** Everything that is wrong with one cluster. */
export async function checkCluster(
  sql: postgres.Sql,
  cluster: ChosenCluster,
): Promise<Violation[]> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    const found = await findViolations(tx, cluster)
    const view = await loadView(tx, cluster.id)
    if (!view) throw refused(`cluster ${cluster.name} cannot be loaded`, { code: 'not-loadable' })
    const { checkInvariants } = await import('../cluster/check.ts')
    const broken = checkInvariants(view)
    return [
      ...found,
      ...broken.map((what) => ({ cluster: cluster.name, rule: 'state machine', what })),
    ]
  })
}
