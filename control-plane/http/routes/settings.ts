// The settings of a cluster. Every answer names the two numbers that a timing decides, and what a person should know.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { SettingsBody, SettingsUpdate } from '../../../shared/operator-api.ts'
import { fenceAfterMs, outageSurvivedMs } from '../../../shared/timing.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { mergeSettings, refuseSettings, settingsWarnings } from '../../intake/settings-wish.ts'
import { type Env, role } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { checkIfMatch, etag } from '../if-match.ts'
import type { StoredSettings } from '../records/settings.ts'
import {
  body,
  DryRunBody,
  IfMatch,
  json,
  newRoutes,
  Params,
  problems,
  WriteQuery,
  writeProblems,
} from '../routing.ts'
import { write } from '../write.ts'

const show = createRoute({
  method: 'get',
  path: '/settings',
  summary: 'Settings, and what they mean for an outage and for a dead node',
  request: { params: Params.cluster },
  responses: { 200: json(SettingsBody, 'the settings'), ...problems },
})

const change = createRoute({
  method: 'patch',
  path: '/settings',
  summary: 'Change settings; unsound timings, or losing quorum now, are refused',
  middleware: [role('admin')] as const,
  request: {
    params: Params.cluster,
    query: WriteQuery,
    headers: IfMatch,
    body: body(SettingsUpdate),
  },
  responses: {
    200: json(z.union([SettingsBody, DryRunBody]), 'changed, or dry run'),
    ...writeProblems,
  },
})

/** Routes of settings. */
export function settingsRoutes(deps: OperatorDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(show, async (c) => {
    const { id } = c.var.cluster
    const [stored, view] = await Promise.all([
      deps.store.rows.readSettings(id),
      deps.store.rows.loadView(id),
    ])
    return c.json(shown(stored, view), 200, { etag: etag(stored.version) })
  })
  routes.openapi(change, async (c) => {
    const wish = c.req.valid('json')
    const { timing = {}, scheduling = {} } = wish
    const detail = { fields: [wish, timing, scheduling].flatMap((part) => Object.keys(part)) }
    const done = await write(deps, c, { status: 200, detail }, async ({ tx, view, clusterId }) => {
      const now = await tx.readSettings(clusterId)
      checkIfMatch(c, now.version)
      const next = mergeSettings(now.settings, wish)
      accepted(refuseSettings(view, next))
      const stored = await tx.storeSettings(clusterId, next)
      if (next.quorum !== now.settings.quorum)
        await tx.countLeasesAsRenewed(clusterId, now.settings, next)
      return shown(stored, view)
    })
    return 'dryRun' in done ? c.json(done, 200) : c.json(done, 200, { etag: etag(done.version) })
  })
  return routes
}

function shown({ settings, version }: StoredSettings, view: ClusterView | null) {
  return {
    settings,
    version,
    outageSurvivedMs: outageSurvivedMs(settings.timing),
    powerLossToStartMs: fenceAfterMs(settings.timing),
    warnings: settingsWarnings(settings, view),
  }
}
