// Who may speak: token and join-token. A secret is printed once, when it is made, and never again.
import { type Command, Option } from 'commander'

import { formatMoment, parseDurationMs } from '../duration.ts'
import { usage } from '../failure.ts'
import { segment, type Session, withPlane } from '../session.ts'
import { formatTable } from '../table.ts'

type TokenRow = {
  id: string
  name: string
  role: string
  cluster: string | null
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
}
type JoinTokenRow = {
  id: string
  node: string | null
  usesLeft: number
  createdBy: string
  expiresAt: string
  revokedAt: string | null
}
type Created = { id: string; secret: string }

/** Adds token and join-token with create, list and revoke. */
export function addAccess(program: Command): void {
  const token = program.command('token').description('operator tokens')
  token
    .command('create')
    .description('make a token; its secret is shown once')
    .argument('<name>', 'what it is for')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['viewer', 'operator', 'admin'])
        .default('operator'),
    )
    .option('--all-clusters', 'not only this cluster')
    .option('--ttl <duration>', 'how long it is valid; without it, until revoked')
    .action(withPlane<{ role: string; allClusters?: boolean; ttl?: string }>(createToken))
  token
    .command('list')
    .description('the tokens, without their secrets')
    .action(
      withPlane(async (session) => {
        const rows = await session.plane.get<TokenRow[]>(await session.path('/tokens'))
        session.print(rows, () =>
          formatTable(rows, [
            { title: 'ID', value: (row) => row.id },
            { title: 'NAME', value: (row) => row.name },
            { title: 'ROLE', value: (row) => row.role },
            { title: 'CLUSTER', value: (row) => row.cluster ?? '(all)' },
            { title: 'CREATED', value: (row) => formatMoment(row.createdAt) },
            { title: 'VALID', value: (row) => validity(row) },
          ]),
        )
      }),
    )
  addRevoke(token, 'tokens', 'token')

  const join = program.command('join-token').description('tokens with which new nodes join')
  join
    .command('create')
    .description('make a join token; its secret is shown once')
    .option('--node <node>', 'only for a node of this name')
    .option('--uses <n>', 'how many nodes may join with it', '1')
    .option('--ttl <duration>', 'how long it is valid', '1h')
    .action(withPlane<{ node?: string; uses: string; ttl: string }>(createJoinToken))
  join
    .command('list')
    .description('the join tokens, without their secrets')
    .action(
      withPlane(async (session) => {
        const rows = await session.plane.get<JoinTokenRow[]>(await session.path('/join-tokens'))
        session.print(rows, () =>
          formatTable(rows, [
            { title: 'ID', value: (row) => row.id },
            { title: 'NODE', value: (row) => row.node ?? '(any)' },
            { title: 'USES LEFT', value: (row) => String(row.usesLeft), align: 'right' },
            { title: 'BY', value: (row) => row.createdBy },
            { title: 'VALID', value: (row) => validity(row) },
          ]),
        )
      }),
    )
  addRevoke(join, 'join-tokens', 'join token')
}

function addRevoke(parent: Command, collection: string, what: string): void {
  parent
    .command('revoke')
    .description(`end a ${what} at once`)
    .argument('<id>')
    .action(
      withPlane(async (session, [id = '']) => {
        const answer = await session.plane.delete(
          await session.path(`/${collection}/${segment(id)}`),
          {
            query: { dryRun: session.dryRun || undefined },
          },
        )
        session.print(answer, () =>
          session.dryRun ? 'Nothing was changed.' : `${what} ${id} revoked`,
        )
      }),
    )
}

async function createToken(
  session: Session,
  [name = '']: string[],
  flags: { role: string; allClusters?: boolean; ttl?: string },
): Promise<void> {
  const created = await session.plane.post<Created>(await session.path('/tokens'), {
    body: {
      name,
      role: flags.role,
      ...(flags.allClusters ? {} : { cluster: await session.cluster() }),
      ...(flags.ttl === undefined ? {} : { ttlSeconds: seconds(flags.ttl) }),
    },
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(created, () => showOnce(session, created))
}

async function createJoinToken(
  session: Session,
  _: string[],
  flags: { node?: string; uses: string; ttl: string },
): Promise<void> {
  if (!/^\d{1,5}$/.test(flags.uses))
    throw usage(`--uses must be a whole number, not ${JSON.stringify(flags.uses)}`)
  const created = await session.plane.post<Created>(await session.path('/join-tokens'), {
    body: {
      uses: Number(flags.uses),
      ttlSeconds: seconds(flags.ttl),
      ...(flags.node === undefined ? {} : { node: flags.node }),
    },
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(created, () => showOnce(session, created))
}

function seconds(ttl: string): number {
  return Math.round(parseDurationMs(ttl, '--ttl') / 1_000)
}

/** The secret alone on standard output, so that it can be piped; the explanation beside it. */
function showOnce(session: Session, created: Created): string {
  if (session.dryRun) return 'Nothing was changed. It would be accepted.'
  process.stderr.write(`Id ${created.id}. The secret is shown only now:\n`)
  return created.secret
}

function validity({
  expiresAt,
  revokedAt,
}: {
  expiresAt: string | null
  revokedAt: string | null
}): string {
  if (revokedAt) return `revoked ${formatMoment(revokedAt)}`
  if (!expiresAt) return 'until revoked'
  return `${new Date(expiresAt) < new Date() ? 'expired' : 'until'} ${formatMoment(expiresAt)}`
}
