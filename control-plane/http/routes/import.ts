// Import: the files of an older manager become groups, services, rules and settings here, all of it in one transaction or
// nothing. Nothing is started by it unless that is asked for.
import { isDeepStrictEqual } from 'node:util'
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { ImportBody, ImportRequest } from '../../../shared/operator-api.ts'
import type { Settings } from '../../../shared/settings.ts'
import { type ImportPlan, planImport } from '../../intake/import/plan.ts'
import { readFiles } from '../../intake/import/read-files.ts'
import { type Env, role } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { body, DryRunBody, json, newRoutes, Params, WriteQuery, writeProblems } from '../routing.ts'
import { type Write, write } from '../write.ts'

const add = createRoute({
  method: 'post',
  path: '/import',
  summary: 'Take over groups, services, rules and settings from an older manager, all or nothing',
  description:
    'What is wrong is named by file and line, and then nothing is imported. Services come in as ignored, for they may still ' +
    'run under the old manager, unless `requested` says keep.',
  middleware: [role('admin')] as const,
  request: { params: Params.cluster, query: WriteQuery, body: body(ImportRequest) },
  responses: {
    200: json(z.union([ImportBody, DryRunBody]), 'imported, or dry run'),
    ...writeProblems,
  },
})

/** The one route of imports. */
export function importRoutes(deps: OperatorDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(add, async (c) => {
    const { files, requested } = c.req.valid('json')
    const detail = { files: Object.keys(files), requested }
    // Read before anything is locked: it may be much.
    const read = readFiles(files)
    const done = await write(deps, c, { status: 200, detail }, async (w) => {
      const plan = accepted(planImport(w.view, read, { requested }))
      const settings = changedSettings(w.view.settings, plan.settings)
      await store(w, plan, Object.keys(settings).length > 0)
      return told(plan, settings)
    })
    return c.json(done, 200)
  })
  return routes
}

async function store({ tx, clusterId }: Write, plan: ImportPlan, hasSettings: boolean) {
  for (const group of plan.groups) await tx.insertGroup(clusterId, group)
  await tx.insertServices(
    clusterId,
    plan.services.map(({ wish }) => wish),
  )
  await tx.insertRules(clusterId, plan.rules)
  if (hasSettings) await tx.storeSettings(clusterId, plan.settings)
}

function changedSettings(now: Settings, next: Settings): Partial<Settings> {
  const changed = Object.entries(next).filter(
    ([key, value]) => !isDeepStrictEqual(value, now[key as keyof Settings]),
  )
  return Object.fromEntries(changed)
}

function told(plan: ImportPlan, settings: Partial<Settings>): ImportBody {
  return {
    groups: plan.groups.map(({ name }) => name),
    services: plan.services.map(({ wish: { sid, requested, node }, there }) => ({
      sid,
      requested,
      node,
      there,
    })),
    rules: plan.rules.map(({ id, disabled }) => ({ id, disabled })),
    settings,
    notes: plan.notes,
  }
}
