// What every admin command shares: the database, the choice of a cluster, the audit row and how results are printed.
import os from 'node:os'
import type { Command, OptionValues } from 'commander'
import type postgres from 'postgres'
import { refused, usage } from '../cli/failure.ts'
import { printOut } from '../cli/session.ts'
import { missingSchema, withDatabase } from './database.ts'

export type Admin = {
  sql: postgres.Sql
  url: string
  json: boolean
  /** The one named by --cluster, or the only one. */
  cluster(): Promise<ChosenCluster>
  print(value: unknown, text: () => string): void
}
export type ChosenCluster = { id: number; name: string }
type GlobalFlags = { cluster?: string; json?: boolean }

/** Wraps a command's work with a database for its length. */
export function withAdmin<Options = OptionValues>(
  work: (admin: Admin, args: string[], options: Options) => Promise<void>,
) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command
    const flags = command.optsWithGlobals<GlobalFlags>()
    await withDatabase(async (sql, url) => {
      const admin: Admin = {
        sql,
        url,
        json: flags.json ?? false,
        cluster: () => chooseCluster(sql, flags.cluster ?? process.env.HOLDFAST_CLUSTER),
        print: (value, text) => printOut(flags.json ? JSON.stringify(value, null, 2) : text()),
      }
      try {
        await work(admin, command.args, command.opts() as Options)
      } catch (cause) {
        if (!missingSchema(cause)) throw cause
        throw refused('this database is not set up for this version', {
          code: 'not-migrated',
          advice: 'npm run admin -- migrate brings it up to date.',
        })
      }
    })
  }
}

export async function listClusters(sql: postgres.Sql): Promise<ChosenCluster[]> {
  return sql<ChosenCluster[]>`select id, name from cluster order by name`
}

async function chooseCluster(sql: postgres.Sql, name: string | undefined): Promise<ChosenCluster> {
  const clusters = await listClusters(sql)
  const known = clusters.map((one) => one.name).join(', ')
  if (name !== undefined) {
    const named = clusters.find((one) => one.name === name)
    if (named) return named
    throw refused(`there is no cluster ${name}`, {
      code: 'unknown-cluster',
      advice: known
        ? `There are: ${known}.`
        : 'Create one with npm run admin -- cluster create NAME.',
    })
  }
  if (clusters.length === 1) return clusters[0] as ChosenCluster
  if (clusters.length === 0)
    throw refused('there is no cluster yet', {
      code: 'no-cluster',
      advice: 'Create one with npm run admin -- cluster create NAME.',
    })
  throw usage(`there are several clusters: ${known}`, { advice: 'Name one with --cluster.' })
}

/** Who the audit log names: whoever runs the script, as far as the system knows. */
export function adminActor(): string {
  return `admin script (${os.userInfo().username})`
}

/** Every write has its row, in the transaction of the write. Must never be given a secret. */
export async function recordAdminAudit(
  tx: postgres.TransactionSql,
  clusterId: number | null,
  what: string,
  detail: Record<string, unknown>,
): Promise<void> {
  await tx`
    insert into audit_log (cluster_id, actor, method, path, status, detail)
    values (${clusterId}, ${adminActor()}, 'ADMIN', ${what}, 200,
      ${JSON.stringify(detail)}::text::jsonb)`
}
