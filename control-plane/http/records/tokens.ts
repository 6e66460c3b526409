// Operator tokens and join tokens, without their secrets: those exist as hashes only.
import type { Role } from '../../../shared/operator-api.ts'
import type { Tx } from '../deps.ts'
import { iso } from './iso.ts'

type Moment = Date | string
export type TokenRow = {
  id: string
  name: string
  role: Role
  /** null: every cluster. */
  cluster: string | null
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
}
export type JoinTokenRow = {
  id: string
  node: string | null
  usesLeft: number
  createdBy: string
  createdAt: string
  expiresAt: string
  revokedAt: string | null
}

type Raw<T> = Omit<T, 'createdAt' | 'expiresAt' | 'revokedAt'> & {
  createdAt: Moment
  expiresAt: Moment | null
  revokedAt: Moment | null
}

/** Tokens of one cluster and, where `everywhere`, those of all clusters; newest first. */
export async function listTokens(
  tx: Tx,
  clusterId: number,
  everywhere: boolean,
): Promise<TokenRow[]> {
  const rows = await tx<Raw<TokenRow>[]>`
    select t.id, t.name, t.role, c.name as cluster, t.created_at as "createdAt",
      t.expires_at as "expiresAt", t.revoked_at as "revokedAt"
    from token t left join cluster c on c.id = t.cluster_id
    where t.cluster_id = ${clusterId} or (${everywhere} and t.cluster_id is null)
    order by t.created_at desc, t.id`
  return rows.map((row) => ({ ...row, ...moments(row) }))
}

/** Ends a token; false when there is none of that id within reach. Ending it twice changes nothing. */
export async function revokeToken(
  tx: Tx,
  clusterId: number,
  id: string,
  everywhere: boolean,
): Promise<boolean> {
  const rows = await tx`
    update token set revoked_at = coalesce(revoked_at, clock_timestamp())
    where id = ${id} and (cluster_id = ${clusterId} or (${everywhere} and cluster_id is null))
    returning id`
  return rows.length === 1
}

export async function listJoinTokens(tx: Tx, clusterId: number): Promise<JoinTokenRow[]> {
  const rows = await tx<Raw<JoinTokenRow>[]>`
    select id, node, uses_left as "usesLeft", created_by as "createdBy",
      created_at as "createdAt", expires_at as "expiresAt", revoked_at as "revokedAt"
    from join_token where cluster_id = ${clusterId} order by created_at desc, id`
  return rows.map((row) => ({ ...row, ...moments(row), expiresAt: iso(row.expiresAt as Moment) }))
}

export async function revokeJoinToken(tx: Tx, clusterId: number, id: string): Promise<boolean> {
  const rows = await tx`
    update join_token set revoked_at = coalesce(revoked_at, clock_timestamp())
    where id = ${id} and cluster_id = ${clusterId} returning id`
  return rows.length === 1
}

function moments(row: { createdAt: Moment; expiresAt: Moment | null; revokedAt: Moment | null }) {
  return {
    createdAt: iso(row.createdAt),
    expiresAt: row.expiresAt === null ? null : iso(row.expiresAt),
    revokedAt: row.revokedAt === null ? null : iso(row.revokedAt),
  }
}
