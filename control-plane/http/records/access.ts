// Who holds a token, and which cluster a name means: what every request asks first. Secrets are compared as hashes.
import type { Role } from '../../../shared/operator-api.ts'
import { hashSecret, sameHash } from '../../store/secrets.ts'
import type { Actor, ClusterRow } from '../auth.ts'
import type { Tx } from '../deps.ts'

type TokenRow = { id: string; name: string; role: Role; hash: string; cluster: string | null }

export type FoundActor = { actor: Actor; hash: string }

/** The holder of a valid token; null for anything else. */
export async function findActor(
  sql: Tx,
  by: { secret: string } | { tokenId: string },
): Promise<FoundActor | null> {
  const hash = 'secret' in by ? hashSecret(by.secret) : null
  const id = 'tokenId' in by ? by.tokenId : null
  const [row] = await sql<TokenRow[]>`
    select t.id, t.name, t.role, t.hash, c.name as cluster
    from token t left join cluster c on c.id = t.cluster_id
    where ${hash === null ? sql`t.id = ${id}` : sql`t.hash = ${hash}`}
      and t.revoked_at is null and (t.expires_at is null or t.expires_at > clock_timestamp())`
  if (!row || (hash !== null && !sameHash(row.hash, hash))) return null
  return { actor: actorOf(row), hash: row.hash }
}

/** As routes and the audit log know the holder of a token. */
export function actorOf(row: Omit<TokenRow, 'hash'>): Actor {
  const { id, name, role, cluster } = row
  return { tokenId: id, name: `${name} (${id.slice(0, 8)})`, role, cluster }
}

export async function findCluster(sql: Tx, name: string): Promise<ClusterRow | null> {
  const [row] = await sql<ClusterRow[]>`select id, uuid, name from cluster where name = ${name}`
  return row ?? null
}
