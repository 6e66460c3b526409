// The fence devices of a node: list, set up, remove, test. A device is asked which machine it speaks of before it is
// believed; its secrets come in and never go out.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { assert } from '../../../shared/assert.ts'
import { systemTimers } from '../../../shared/clock.ts'
import {
  FenceDeviceBody,
  FenceDeviceTest,
  FenceDeviceUpdate,
} from '../../../shared/fence-device.ts'
import { ConfigId } from '../../../shared/names.ts'
import { isSameMachine } from '../../../shared/machine-identity.ts'
import { meetDevice } from '../../fence/meet-device.ts'
import { openDevice } from '../../fence/open-device.ts'
import { judgeFenceDevice, refuseKind } from '../../intake/fence-device-wish.ts'
import { knownNode } from '../../intake/node-wish.ts'
import { refuse } from '../../intake/refusal.ts'
import { loadView } from '../../store/load-view.ts'
import { type Env, role } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import * as records from '../records/fence-devices.ts'
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
import { write } from '../write.ts'

const list = createRoute({
  method: 'get',
  path: '/nodes/{node}/fence-devices',
  summary: 'What can switch a node off',
  request: { params: Params.node },
  responses: { 200: json(z.array(FenceDeviceBody), 'in their order'), ...problems },
})

const SetUp = FenceDeviceBody.extend({ warnings: z.array(z.string()) })

const put = createRoute({
  method: 'put',
  path: '/nodes/{node}/fence-devices/{device}',
  summary: 'Set up a fence device, or set it up anew',
  description:
    'All devices of a node are feeds of it: it is off when all of them say so. The device is asked which machine it speaks of; unless `expects` names that machine the node itself must say the same. Secrets are kept, and shown to nobody.',
  middleware: [role('admin')] as const,
  request: { params: Params.device, query: WriteQuery, body: body(FenceDeviceUpdate) },
  responses: { 200: json(z.union([SetUp, DryRunBody]), 'set up, or dry run'), ...writeProblems },
})

const remove = createRoute({
  method: 'delete',
  path: '/nodes/{node}/fence-devices/{device}',
  summary: 'Remove a fence device, with its secrets',
  middleware: [role('admin')] as const,
  request: { params: Params.device, query: WriteQuery },
  responses: {
    204: { description: 'removed' },
    200: json(DryRunBody, 'dry run'),
    ...writeProblems,
  },
})

const test = createRoute({
  method: 'post',
  path: '/nodes/{node}/fence-devices/{device}/test',
  summary: 'Ask a fence device for its machine and that one’s power; nothing is switched',
  middleware: [role('operator')] as const,
  request: { params: Params.device },
  responses: { 200: json(FenceDeviceTest, 'what it says'), ...writeProblems },
})

/** Routes of fence devices. */
export function fenceDeviceRoutes(deps: HttpDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  const read = async (clusterId: number, name: string) => {
    const view = await loadView(deps.sql, clusterId)
    assert(view, 'clusters are never deleted')
    return { view, node: accepted(knownNode(view, name)) }
  }
  const unknown = (node: string, device: string) =>
    refuse('unknown-device', `node ${node} has no fence device ${device}`)

  routes.openapi(list, async (c) => {
    const { node } = c.req.valid('param')
    const { uid } = (await read(c.var.cluster.id, node)).node
    const rows = await records.readFenceDevices(deps.sql, uid)
    return c.json(rows as FenceDeviceBody[], 200)
  })

  routes.openapi(put, async (c) => {
    const { node: name, device } = c.req.valid('param')
    const { kind, options, secret, expects } = c.req.valid('json')
    if (!ConfigId.safeParse(device).success)
      accepted(refuse('invalid', `a fence device cannot be called ${JSON.stringify(device)}`))
    accepted(refuseKind((await read(c.var.cluster.id, name)).view, kind))
    // Asked before the transaction: nothing slow happens inside one.
    const said = await meetDevice(openDevice({ kind, options, secret }), systemTimers)
    const detail = { node: name, device, kind }
    const done = await write(deps, c, { status: 200, detail }, async ({ tx, view, clusterId }) => {
      const node = accepted(knownNode(view, name))
      const hardwareIds = await records.hardwareIds(tx.sql, clusterId)
      const wish = { name: device, kind, expects }
      const judged = accepted(judgeFenceDevice(view, node, wish, said, hardwareIds))
      const row = { name: device, kind, options, secret, expects: judged.expects }
      await records.putFenceDevice(tx.sql, clusterId, node.uid, { ...row, uid: deps.random.uuid() })
      return { name: device, kind, options, expects: judged.expects, warnings: judged.warnings }
    })
    return c.json(done, 200)
  })

  routes.openapi(remove, async (c) => {
    const { node: name, device } = c.req.valid('param')
    const detail = { node: name, device }
    const done = await write(deps, c, { status: 204, detail }, async ({ tx, view }) => {
      const { uid } = accepted(knownNode(view, name))
      if (!(await records.deleteFenceDevice(tx.sql, uid, device))) accepted(unknown(name, device))
    })
    return done === undefined ? c.body(null, 204) : c.json(done, 200)
  })

  routes.openapi(test, async (c) => {
    const { node: name, device } = c.req.valid('param')
    const { uid } = (await read(c.var.cluster.id, name)).node
    const setup = accepted(
      (await records.readFenceDeviceSetup(deps.sql, uid, device)) ?? unknown(name, device),
    )
    const said = await meetDevice(openDevice(setup), systemTimers)
    const isExpected = isSameMachine(setup.expects, said.identity)
    return c.json({ name: device, ...said, isExpected }, 200)
  })
  return routes
}
