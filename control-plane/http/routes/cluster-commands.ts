// What operators ask of the whole cluster, or of a node's maintenance: each becomes a command row that the CRM finishes (D5).
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { CommandBody, DisarmBody, MaintenanceBody } from '../../../shared/operator-api.ts'
import type { ClusterCommandKind, DisarmView } from '../../cluster/view.ts'
import { refuseArm, refuseDisarm, refuseMaintenance } from '../../intake/cluster-wish.ts'
import { strandedWithout } from '../../crm/what-if/n-minus-one.ts'
import { refuseDrill } from '../../intake/drill-wish.ts'
import { knownNode } from '../../intake/node-wish.ts'
import { type Env, role } from '../auth.ts'
import { awaitCommand, waitSeconds } from '../command-wait.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import type { EventFeed } from '../event-feed.ts'
import { body, DryRunBody, json, newRoutes, Params, WaitQuery, writeProblems } from '../routing.ts'
import { type Write, write } from '../write.ts'

const responses = {
  200: json(z.union([CommandBody, DryRunBody]), 'finished while waiting, or dry run'),
  202: json(CommandBody, 'accepted; ask for it under /commands/{uid}'),
  ...writeProblems,
}

const disarm = createRoute({
  method: 'post',
  path: '/disarm',
  summary: 'Leave every service as it is, and let go of the watchdogs',
  description:
    'What is under way in fence, recovery or a move ends first. `freeze`: services stay where they are. `ignore`: as if nothing were managed; anybody may start, stop and move services by hand. Until the cluster is armed again nothing is recovered.',
  middleware: [role('admin')] as const,
  request: { params: Params.cluster, query: WaitQuery, body: body(DisarmBody) },
  responses,
})

const arm = createRoute({
  method: 'post',
  path: '/arm',
  summary: 'Protect the services again',
  description:
    'After `ignore` every node is asked what it runs: that is adopted. What no node runs is started once the whole roster has answered.',
  middleware: [role('operator')] as const,
  request: { params: Params.cluster, query: WaitQuery },
  responses,
})

const maintenance = createRoute({
  method: 'post',
  path: '/nodes/{node}/maintenance',
  summary: 'Empty a node and keep it empty, or let it be used again',
  middleware: [role('operator')] as const,
  request: { params: Params.node, query: WaitQuery, body: body(MaintenanceBody) },
  responses,
})

const drill = createRoute({
  method: 'post',
  path: '/nodes/{node}/drill',
  summary: 'Empty a node and let its watchdog fire, once, to see that it does and after how long',
  description:
    'Its services move away as for a maintenance; once nothing runs on it its agent leaves the watchdog unfed, which resets the machine. When it is back, how long it lived after its last feed, how long it was away and what its device says of the reset are recorded, and it is used again. Refused where a service would be left without a node.',
  middleware: [role('admin')] as const,
  request: { params: Params.node, query: WaitQuery },
  responses,
})

type Asked = { kind: ClusterCommandKind; node: string | null; mode: DisarmView['mode'] | null }

/** Routes of commands about the cluster. */
export function clusterCommandRoutes(deps: OperatorDeps, feed: EventFeed): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(disarm, (c) => {
    const { mode } = c.req.valid('json')
    return command(deps, feed, c, { kind: 'disarm', node: null, mode }, async ({ view }) => {
      accepted(refuseDisarm(view))
    })
  })
  routes.openapi(arm, (c) =>
    command(deps, feed, c, { kind: 'arm', node: null, mode: null }, async ({ view }) => {
      accepted(refuseArm(view))
    }),
  )
  routes.openapi(maintenance, (c) => {
    const { node } = c.req.valid('param')
    const { enabled } = c.req.valid('json')
    const kind = enabled ? 'maintenance-on' : 'maintenance-off'
    return command(deps, feed, c, { kind, node, mode: null }, async ({ tx, view }) => {
      accepted(refuseMaintenance(view, node, enabled))
      await tx.setMaintenance(accepted(knownNode(view, node)).uid, enabled)
    })
  })
  routes.openapi(drill, (c) => {
    const { node } = c.req.valid('param')
    return command(deps, feed, c, { kind: 'drill', node, mode: null }, async ({ view }) => {
      accepted(refuseDrill(view, node, strandedWithout))
    })
  })
  return routes
}

/** Queues one command, and waits for its end as far as the caller asked for. */
async function command(
  deps: OperatorDeps,
  feed: EventFeed,
  c: Context<Env>,
  { kind, node, mode }: Asked,
  judge: (w: Write) => Promise<void>,
) {
  const seconds = waitSeconds(c)
  const uid = deps.random.uuid()
  const done = await write(
    deps,
    c,
    { status: 202, detail: { command: uid, kind, node, mode } },
    async (w) => {
      await judge(w)
      const { tx, clusterId, actor } = w
      return tx.insertCommand({
        uid,
        clusterId,
        kind,
        sid: null,
        node,
        arguments: { mode },
        actor,
      })
    },
  )
  if ('dryRun' in done) return c.json(done, 200)
  const { id } = c.var.cluster
  const answer = await awaitCommand(deps, feed, id, done, seconds, c.req.raw.signal)
  return answer.finishedAt === null ? c.json(answer, 202) : c.json(answer, 200)
}
