// why: where a service or a node stands, what it waits for, how it came there, and by what evidence.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { assert } from '../../../shared/assert.ts'
import { ClusterName } from '../../../shared/names.ts'
import { WhyBody } from '../../../shared/operator-api.ts'
import { nodeNow, serviceNow } from '../../cluster/status.ts'
import { refuse } from '../../intake/refusal.ts'
import { loadView } from '../../store/load-view.ts'
import type { Env } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { evidenceAbout, nodeStory, serviceStory } from '../records/story.ts'
import { json, newRoutes, Params, problems } from '../routing.ts'

const why = createRoute({
  method: 'get',
  path: '/why/{subject}',
  summary: 'The story of a service (process:web) or a node (n2)',
  request: {
    params: Params.cluster.extend({ cluster: ClusterName, subject: z.string().min(1).max(200) }),
  },
  responses: { 200: json(WhyBody, 'the story, oldest first'), ...problems },
})

export function whyRoutes(deps: HttpDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(why, async (c) => {
    const { id } = c.var.cluster
    const subject = c.req.valid('param').subject.replace(/^node[ :]/, '')
    return c.json(await (subject.includes(':') ? ofService : ofNode)(deps, id, subject), 200)
  })
  return routes
}

async function ofService(deps: HttpDeps, clusterId: number, sid: string) {
  const [view, story, evidence] = await Promise.all([
    loadView(deps.sql, clusterId),
    serviceStory(deps.sql, clusterId, sid),
    evidenceAbout(deps.sql, clusterId, { sid }),
  ])
  assert(view, 'clusters are never deleted')
  const service = Object.hasOwn(view.services, sid) ? view.services[sid] : undefined
  if (!service && story.length === 0)
    return accepted(refuse('unknown-subject', `no service ${sid}, and none ever was here`))
  const now = service ? serviceNow(view, service) : `${sid} is no longer managed`
  return { subject: sid, now, waitsFor: service?.status?.note ?? '', story, evidence }
}

async function ofNode(deps: HttpDeps, clusterId: number, name: string) {
  const [view, story, evidence] = await Promise.all([
    loadView(deps.sql, clusterId),
    nodeStory(deps.sql, clusterId, name),
    evidenceAbout(deps.sql, clusterId, { node: name }),
  ])
  assert(view, 'clusters are never deleted')
  const node = Object.hasOwn(view.nodes, name) ? view.nodes[name] : undefined
  if (!node && story.length === 0)
    return accepted(
      refuse(
        'unknown-subject',
        `no node ${name}; a service is named with its type, as process:web`,
      ),
    )
  const now = node ? nodeNow(view, node) : `${name} is no longer a node of this cluster`
  return { subject: name, now, waitsFor: node?.note ?? '', story, evidence }
}
