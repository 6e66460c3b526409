// The first rows of a cluster, and the tokens to begin with. Used by the site, the admin scripts and the API.
import type postgres from 'postgres'
import type { Role } from '../../shared/operator-api.ts'
import { type Random, systemRandom } from '../../shared/random.ts'
import { Settings } from '../../shared/settings.ts'
import { type ProfileName, profiles } from '../../shared/timing.ts'
import { hashSecret, newSecret } from './secrets.ts'

type Tx = postgres.Sql | postgres.TransactionSql

export type NewCluster = { name: string; development: boolean; settings: Settings }

/** Settings as a profile has them. */
export function profileSettings(profile: ProfileName): Settings {
  return Settings.parse({ profile, timing: profiles[profile] })
}

/**
 * Makes a cluster with its election row and the identity of the database it lives in.
 * Throws Postgres' 23505 where the name is taken.
 */
export async function createCluster(
  sql: Tx,
  cluster: NewCluster,
  random: Random = systemRandom(),
): Promise<{ id: number; uuid: string }> {
  const [row] = await sql<{ id: number; uuid: string }[]>`
    with made as (
      insert into cluster (uuid, name, development, settings, longest_lease_ms)
      values (${random.uuid()}, ${cluster.name}, ${cluster.development},
        ${JSON.stringify(cluster.settings)}::text::jsonb, ${cluster.settings.timing.leaseMs})
      returning id, uuid
    ), elected as (
      insert into crm (cluster_id) select id from made
    ), history as (
      insert into plane_epoch
        (cluster_id, number, uuid, system_id, timeline, postmaster_start, reason, changed_at)
      select made.id, 1, ${random.uuid()}, i.system_id, i.timeline, i.postmaster_start,
        'cluster created', clock_timestamp()
      from made, server_identity() i
    )
    select id, uuid from made`
  return row as { id: number; uuid: string }
}

export type NewToken = {
  name: string
  role: Role
  clusterId: number | null
  ttlSeconds?: number | undefined
}

/** Makes an operator token. The secret is returned once and stored nowhere. */
export async function createToken(
  sql: Tx,
  token: NewToken,
  random: Random = systemRandom(),
): Promise<{ id: string; secret: string }> {
  const id = random.uuid()
  const secret = newSecret(random, 'operator')
  await sql`
    insert into token (id, name, hash, role, cluster_id, expires_at)
    values (${id}, ${token.name}, ${hashSecret(secret)}, ${token.role}, ${token.clusterId},
      ${expiry(sql, token.ttlSeconds)})`
  return { id, secret }
}

export type NewJoinToken = {
  clusterId: number
  node?: string | undefined
  uses: number
  ttlSeconds: number
  createdBy: string
}

/** Makes a token with which nodes may join. The secret is returned once. */
export async function createJoinToken(
  sql: Tx,
  token: NewJoinToken,
  random: Random = systemRandom(),
): Promise<{ id: string; secret: string }> {
  const id = random.uuid()
  const secret = newSecret(random, 'join')
  await sql`
    insert into join_token (id, hash, cluster_id, node, uses_left, created_by, expires_at)
    values (${id}, ${hashSecret(secret)}, ${token.clusterId}, ${token.node ?? null}, ${token.uses},
      ${token.createdBy}, ${expiry(sql, token.ttlSeconds)})`
  return { id, secret }
}

function expiry(sql: Tx, ttlSeconds: number | undefined) {
  if (ttlSeconds === undefined) return null
  return sql`clock_timestamp() + make_interval(secs => ${ttlSeconds})`
}
