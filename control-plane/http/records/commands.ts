// Rows of commands (D5): queued here, finished by the CRM.
import type { CommandBody } from '../../../shared/operator-api.ts'
import type { ClusterCommandKind, CommandKind } from '../../cluster/view.ts'
import type { Tx } from '../deps.ts'
import { iso } from './iso.ts'

type Row = Omit<CommandBody, 'createdAt' | 'finishedAt'> & {
  createdAt: Date | string
  finishedAt: Date | string | null
}

export type NewCommand = {
  uid: string
  clusterId: number
  kind: CommandKind | ClusterCommandKind
  /** null: about a node or the whole cluster. */
  sid: string | null
  node: string | null
  /** Those that are null are not stored. */
  arguments: Record<string, string | number | null>
  actor: string
}

const columns = (tx: Tx) => tx`
  uid, kind, sid, node, status, reason, actor, created_at as "createdAt",
  finished_at as "finishedAt"`

/** Queues a command. */
export async function insertCommand(tx: Tx, command: NewCommand): Promise<CommandBody> {
  const values = Object.fromEntries(
    Object.entries(command.arguments).filter(([, value]) => value !== null),
  )
  const [row] = await tx<Row[]>`
    insert into command (uid, cluster_id, kind, sid, node, arguments, status, actor)
    values (${command.uid}, ${command.clusterId}, ${command.kind}, ${command.sid}, ${command.node},
            ${JSON.stringify(values)}::text::jsonb, 'pending', ${command.actor})
    returning ${columns(tx)}`
  return body(row as Row)
}

export async function findCommand(
  tx: Tx,
  clusterId: number,
  uid: string,
): Promise<CommandBody | null> {
  const [row] = await tx<Row[]>`
    select ${columns(tx)} from command where cluster_id = ${clusterId} and uid = ${uid}`
  return row ? body(row) : null
}

export type CommandFilter = { sid: string | null; open: boolean; limit: number }

/** Newest first. */
export async function listCommands(
  tx: Tx,
  clusterId: number,
  filter: CommandFilter,
): Promise<CommandBody[]> {
  const rows = await tx<Row[]>`
    select ${columns(tx)} from command
    where cluster_id = ${clusterId}
      and ${filter.sid === null ? tx`true` : tx`sid = ${filter.sid}`}
      and ${filter.open ? tx`finished_at is null` : tx`true`}
    order by created_at desc, uid limit ${filter.limit}`
  return rows.map(body)
}

function body(row: Row): CommandBody {
  return {
    ...row,
    createdAt: iso(row.createdAt),
    finishedAt: row.finishedAt === null ? null : iso(row.finishedAt),
  }
}
