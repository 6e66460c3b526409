// cluster create, token create, join-token create: the first rows of an installation.
import { type Command, Option } from 'commander'
import { parseDurationMs } from '../cli/duration.ts'
import { refused, usage } from '../cli/failure.ts'
import type { Role } from '../../shared/operator-api.ts'
import type { ProfileName } from '../../shared/timing.ts'
import { type Admin, adminActor, recordAdminAudit, withAdmin } from './action.ts'

type ClusterFlags = { development?: boolean; profile: ProfileName }
type TokenFlags = { role: Role; allClusters?: boolean; ttl?: string }
type JoinFlags = { node?: string; uses: string; ttl: string }

/** Adds the commands that create. */
export function addCreate(program: Command): void {
  program
    .command('cluster')
    .description('clusters')
    .command('create')
    .description('make a cluster')
    .argument('<name>')
    .option('--development', 'simulated watchdogs count as evidence in it; never for real services')
    .addOption(
      new Option('--profile <profile>', 'its timing')
        .choices(['edge', 'default', 'fast'])
        .default('default'),
    )
    .action(
      withAdmin<ClusterFlags>((admin, [name = ''], flags) => createCluster(admin, name, flags)),
    )
  program
    .command('token')
    .description('operator tokens')
    .command('create')
    .description('make a token; its secret is shown once')
    .argument('[name]', 'what it is for', 'admin')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['viewer', 'operator', 'admin'])
        .default('admin'),
    )
    .option('--all-clusters', 'for every cluster, also those to come')
    .option('--ttl <duration>', 'how long it is valid; without it, until revoked')
    .action(
      withAdmin<TokenFlags>((admin, [name = 'admin'], flags) => createToken(admin, name, flags)),
    )
  program
    .command('join-token')
    .description('tokens with which nodes join')
    .command('create')
    .description('make a join token; its secret is shown once')
    .option('--node <node>', 'only for a node of this name')
    .option('--uses <n>', 'how many nodes may join with it', '1')
    .option('--ttl <duration>', 'how long it is valid', '1h')
    .action(withAdmin<JoinFlags>((admin, _, flags) => createJoinToken(admin, flags)))
}

async function createCluster(admin: Admin, name: string, flags: ClusterFlags): Promise<void> {
  const bootstrap = await import('../store/bootstrap.ts')
  const { ClusterName } = await import('../../shared/names.ts')
  check(ClusterName.safeParse(name))
  const development = flags.development ?? false
  try {
    const made = await admin.sql.begin(async (tx) => {
      const settings = bootstrap.profileSettings(flags.profile)
      const row = await bootstrap.createCluster(tx, { name, development, settings })
      await recordAdminAudit(tx, row.id, 'cluster create', {
        name,
        development,
        profile: flags.profile,
      })
      return row
    })
    admin.print({ ...made, name }, () => `cluster ${name} created (${made.uuid})`)
  } catch (cause) {
    if ((cause as { code?: string }).code !== '23505') throw cause
    throw refused(`there is already a cluster ${name}`, { code: 'already-exists' })
  }
}

async function createToken(admin: Admin, name: string, flags: TokenFlags): Promise<void> {
  const bootstrap = await import('../store/bootstrap.ts')
  if (name === '' || name.length > 100) throw usage('a token name has 1 to 100 characters')
  const cluster = flags.allClusters ? null : await admin.cluster()
  const ttlSeconds = flags.ttl === undefined ? undefined : seconds(flags.ttl)
  const made = await admin.sql.begin(async (tx) => {
    const token = await bootstrap.createToken(tx, {
      name,
      role: flags.role,
      clusterId: cluster?.id ?? null,
      ttlSeconds,
    })
    await recordAdminAudit(tx, cluster?.id ?? null, 'token create', {
      id: token.id,
      name,
      role: flags.role,
    })
    return token
  })
  showOnce(admin, made)
}

async function createJoinToken(admin: Admin, flags: JoinFlags): Promise<void> {
  const bootstrap = await import('../store/bootstrap.ts')
  const { NodeName } = await import('../../shared/names.ts')
  if (flags.node !== undefined) check(NodeName.safeParse(flags.node))
  const uses = Number(flags.uses)
  if (!/^\d{1,5}$/.test(flags.uses) || uses < 1 || uses > 10_000)
    throw usage('--uses must be 1 to 10000')
  const cluster = await admin.cluster()
  const made = await admin.sql.begin(async (tx) => {
    const token = await bootstrap.createJoinToken(tx, {
      clusterId: cluster.id,
      node: flags.node,
      uses,
      ttlSeconds: seconds(flags.ttl),
      createdBy: adminActor(),
    })
    await recordAdminAudit(tx, cluster.id, 'join-token create', {
      id: token.id,
      node: flags.node ?? null,
      uses,
    })
    return token
  })
  showOnce(admin, made)
}

/** The secret alone on standard output, so that it can be piped. */
function showOnce(admin: Admin, made: { id: string; secret: string }): void {
  admin.print(made, () => {
    process.stderr.write(`Id ${made.id}. The secret is shown only now:\n`)
    return made.secret
  })
}

/** Ten years at most, as the API has it. */
function seconds(ttl: string): number {
  const asked = Math.round(parseDurationMs(ttl, '--ttl') / 1_000)
  if (asked < 1 || asked > 10 * 365 * 86_400)
    throw usage('--ttl must be between 1 second and 10 years')
  return asked
}

function check(parsed: { success: boolean; error?: { issues: { message: string }[] } }): void {
  if (!parsed.success) throw usage(parsed.error?.issues[0]?.message ?? 'this name is not allowed')
}
