// Clusters: those a token may see, and new ones. A cluster is never deleted: its numbers must never be used twice.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { ClusterName } from '../../../shared/names.ts'
import { profileNames } from '../../../shared/timing.ts'
import { refuse } from '../../intake/refusal.ts'
import { createCluster, profileSettings } from '../../store/bootstrap.ts'
import { type Env, requireSiteAdmin } from '../auth.ts'
import { recordAudit } from '../audit.ts'
import type { HttpDeps, Tx } from '../deps.ts'
import { accepted } from '../errors.ts'
import {
  body,
  DryRunBody,
  json,
  newRoutes,
  Params,
  problems,
  WriteQuery,
  writeProblems,
} from '../routing.ts'
import { commitOrShow } from '../write.ts'

const ClusterCreate = z.strictObject({
  name: ClusterName,
  /** Simulated watchdogs count as evidence. Cannot be changed later. */
  development: z.boolean().default(false),
  profile: z.enum(profileNames).default('default'),
})

const ClusterBody = z.object({
  name: z.string(),
  uuid: z.string(),
  development: z.boolean(),
  nodes: z.number(),
  services: z.number(),
})
type ClusterBody = z.infer<typeof ClusterBody>

const list = createRoute({
  method: 'get',
  path: '/clusters',
  summary: 'The clusters this token reaches',
  responses: { 200: json(z.array(ClusterBody), 'clusters by name'), ...problems },
})

const show = createRoute({
  method: 'get',
  path: '/clusters/{cluster}',
  summary: 'One cluster',
  request: { params: Params.cluster },
  responses: { 200: json(ClusterBody, 'the cluster'), ...problems },
})

const create = createRoute({
  method: 'post',
  path: '/clusters',
  summary: 'Make a cluster',
  request: { query: WriteQuery, body: body(ClusterCreate) },
  responses: { 201: json(ClusterBody, 'made'), 200: json(DryRunBody, 'dry run'), ...writeProblems },
})

/** Routes of clusters as such. */
export function clusterRoutes(deps: HttpDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(list, async (c) => c.json(await readClusters(deps.sql, c.var.actor.cluster), 200))
  routes.openapi(show, async (c) => {
    const [found] = await readClusters(deps.sql, c.var.cluster.name)
    return c.json(found as ClusterBody, 200)
  })
  routes.openapi(create, async (c) => {
    requireSiteAdmin(c.var.actor)
    const { name, development, profile } = c.req.valid('json')
    const done = await commitOrShow(deps, c, 201, async (tx) => {
      const settings = profileSettings(profile)
      try {
        await createCluster(tx.sql, { name, development, settings }, deps.random)
      } catch (error) {
        if ((error as { code?: string }).code !== '23505') throw error
        accepted(refuse('already-exists', `cluster ${name} exists already`))
      }
      const [made] = await readClusters(tx.sql, name)
      await recordAudit(tx, c, 201, { cluster: name, development, profile })
      return { body: made as ClusterBody, changes: [], waits: {} }
    })
    return 'dryRun' in done ? c.json(done, 200) : c.json(done, 201)
  })
  return routes
}

/** Every cluster, or the one of that name. */
async function readClusters(sql: Tx, name: string | null): Promise<ClusterBody[]> {
  return sql<ClusterBody[]>`
    select c.name, c.uuid, c.development,
      (select count(*)::int from node n where n.cluster_id = c.id and n.removed_at is null) as nodes,
      (select count(*)::int from service s where s.cluster_id = c.id) as services
    from cluster c where ${name === null ? sql`true` : sql`c.name = ${name}`} order by c.name`
}
