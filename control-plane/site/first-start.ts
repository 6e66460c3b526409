// What a site must have before its plane and its nodes start: a cluster, an admin token, a join token per new node.
// Each step looks first, so that a first start that was interrupted is finished by the next.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type postgres from 'postgres'
import type { ProfileName } from '../../shared/timing.ts'
import { createCluster, createJoinToken, createToken, profileSettings } from '../store/bootstrap.ts'
import { type DataFolder, writeJson } from './data-folder.ts'

export const clusterName = 'local'
const actor = 'npm start'
/** Long enough for a slow machine; the token is used within seconds. */
const joinTtlSeconds = 3600
/** More than one, for an agent that was killed between its join and keeping what it got. */
const joinUses = 5

export type Context = { url: string; token: string; cluster: string }

/** Finds the site's cluster or makes it. `made`: it is new. */
export async function ensureCluster(
  sql: postgres.Sql,
  profile: ProfileName | null,
): Promise<{ id: number; made: boolean }> {
  const find = () => sql<{ id: number }[]>`select id from cluster where name = ${clusterName}`
  const [found] = await find()
  if (found) return { id: found.id, made: false }
  const settings = profileSettings(profile ?? 'default')
  const cluster = await createCluster(sql, { name: clusterName, development: true, settings })
  return { id: cluster.id, made: true }
}

/** Keeps context.json right: for the CLI, by whoever owns the folder. `isNew`: a token was made and must be shown. */
export async function ensureContext(
  sql: postgres.Sql,
  folder: DataFolder,
  url: string,
): Promise<Context & { isNew: boolean }> {
  const path = join(folder.home, 'context.json')
  const before = await readContext(sql, path)
  const token = before ?? (await createAdminToken(sql))
  const context = { url, token, cluster: clusterName }
  writeJson(path, context)
  return { ...context, isNew: before === null }
}

async function createAdminToken(sql: postgres.Sql): Promise<string> {
  const made = await createToken(sql, { name: actor, role: 'admin', clusterId: null })
  return made.secret
}

async function readContext(sql: postgres.Sql, path: string): Promise<string | null> {
  if (!existsSync(path)) return null
  // A context that outlived its database is of no use.
  const [known] = await sql`select 1 from token where name = ${actor} and role = 'admin' limit 1`
  if (!known) return null
  try {
    const { token } = JSON.parse(readFileSync(path, 'utf8'))
    return typeof token === 'string' && token !== '' ? token : null
  } catch {
    return null
  }
}

/** A join token for `node`, or null when it has joined before. */
export async function joinTokenFor(
  sql: postgres.Sql,
  clusterId: number,
  node: string,
  nodeHome: string,
): Promise<string | null> {
  if (existsSync(join(nodeHome, 'agent/identity.json'))) return null
  const made = await createJoinToken(sql, {
    clusterId,
    node,
    uses: joinUses,
    ttlSeconds: joinTtlSeconds,
    createdBy: actor,
  })
  return made.secret
}
