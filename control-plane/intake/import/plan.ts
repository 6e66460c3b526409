// What an import would make of a cluster: all of it, or a refusal that names every file and line at fault. Pure.
// SAFETY: what is imported may still run under the old manager. Services come in as ignored, so that nothing is started,
// unless an operator says that they are to keep what was requested of them there.
import { type ServiceType, serviceType, serviceTypes } from '../../../shared/names.ts'
import type { ServiceCreate } from '../../../shared/operator-api.ts'
import type { Rule } from '../../../shared/rule.ts'
import type { RequestedState } from '../../../shared/service.ts'
import type { Settings } from '../../../shared/settings.ts'
import type { ClusterView, GroupView } from '../../cluster/view.ts'
import { refuseStranded } from '../feasible.ts'
import { refuseInfeasible } from '../infeasible.ts'
import { type Refusal, refuse } from '../refusal.ts'
import { serviceSpecs } from '../../../shared/specs/service-specs.ts'
import { refuseSettings } from '../settings-wish.ts'
import { addNote, type Finding, inOrder } from './findings.ts'
import { judgeGroups, judgeServices } from './judge.ts'
import { judgeRules, withoutConflicts } from './judge-rules.ts'
import type { Imported } from './read-files.ts'
import type { ImportedService } from './sections.ts'

export type ImportWish = { requested: 'ignored' | 'keep' }

export type PlannedService = {
  wish: ServiceCreate
  /** What the old manager wanted of it, and how and where it was there, if that is known. */
  there: { requested: RequestedState; state: string | null; node: string | null }
}
export type ImportPlan = {
  groups: (GroupView & { comment: string })[]
  services: PlannedService[]
  rules: Rule[]
  /** The settings as they will be. */
  settings: Settings
  notes: Finding[]
}

/** What is imported has no specification yet: most types cannot be run before they get one. */
const runsAsImported = serviceTypes.filter((type) => serviceSpecs[type].safeParse({}).success)

/** @param drivers the types of services that can be run as they come; others can only be ignored */
export function planImport(
  view: ClusterView,
  read: Imported,
  wish: ImportWish,
  drivers: readonly ServiceType[] = runsAsImported,
): ImportPlan | Refusal {
  const { faults, notes } = read.findings
  const findings = { faults: [...faults], notes: [...notes] }
  const imported = { ...read, findings }
  judgeGroups(view, imported)
  judgeServices(view, imported)
  const rules = judgeRules(view, imported)
  if (findings.faults.length > 0) return refuseFaults(findings.faults)
  const groups = imported.groups.map(({ name, nodes, restricted, nofailback, comment }) => ({
    name,
    nodes,
    restricted,
    nofailback,
    comment,
  }))
  const services = imported.services.map((service) =>
    planService(view, imported, service, isKept(service, wish, drivers)),
  )
  noteUnspecified(imported, drivers)
  const after = viewWith(view, groups, services)
  const kept = withoutConflicts(after, rules, findings)
  const ruled = { ...after, rules: [...view.rules, ...kept] }
  const settings = settingsWith(view.settings, imported)
  const refusal =
    refuseInfeasible(view, ruled) ?? refuseStranded(view, ruled) ?? refuseSettings(view, settings)
  return refusal ?? { groups, services, rules: kept, settings, notes: inOrder(findings.notes) }
}

function refuseFaults(faults: Finding[]): Refusal {
  const errors = inOrder(faults).map(({ file, line, about, message }) => ({
    field: `${file}:${line}`,
    message: about === '' ? message : `${about}: ${message}`,
  }))
  const many = errors.length === 1 ? 'one thing has' : `${errors.length} things have`
  return refuse('invalid', `nothing is imported: ${many} to be put right first`, errors)
}

function isKept({ sid }: ImportedService, wish: ImportWish, drivers: readonly ServiceType[]) {
  return wish.requested === 'keep' && drivers.includes(serviceType(sid))
}

function planService(
  view: ClusterView,
  { seen }: Imported,
  service: ImportedService,
  keeps: boolean,
): PlannedService {
  const { file: _file, line: _line, requested, ...config } = service
  const was = seen.services.get(service.sid)
  const node = was?.node != null && Object.hasOwn(view.nodes, was.node) ? was.node : null
  return {
    wish: {
      ...config,
      requested: keeps ? requested : 'ignored',
      spec: {},
      stopTimeoutMs: null,
      figures: null,
      node,
      adoptedFrom: null,
    },
    there: { requested, state: was?.state ?? null, node: was?.node ?? null },
  }
}

/** Most types cannot be run as they come. */
function noteUnspecified({ services, findings }: Imported, drivers: readonly ServiceType[]): void {
  const held = services.filter(({ sid }) => !drivers.includes(serviceType(sid)))
  const [first] = held
  if (!first) return
  const types = [...new Set(held.map(({ sid }) => serviceType(sid)))].sort().join(', ')
  addNote(
    findings,
    first,
    types,
    `such services need a specification of their own: they (${held.length}) come in as ignored, to be wanted once they have one`,
  )
}

function viewWith(
  view: ClusterView,
  groups: ImportPlan['groups'],
  services: PlannedService[],
): ClusterView {
  const added = services.map(({ wish }) => {
    const { sid, spec, group, requested, ...rest } = wish
    const config = { ...rest, spec, group, requested, version: 1 }
    const before = view.services[sid]
    return [sid, { ...(before ?? unseen(sid)), config }] as const
  })
  return {
    ...view,
    groups: { ...view.groups, ...Object.fromEntries(groups.map((group) => [group.name, group])) },
    services: { ...view.services, ...Object.fromEntries(added) },
  }
}

function unseen(sid: string) {
  return { sid, status: null, grant: null, everGranted: false }
}

/** Only what the files name changes. */
function settingsWith(now: Settings, { settings }: Imported): Settings {
  const { scheduling, shutdownPolicy, maxWorkers } = settings
  return {
    ...now,
    ...(shutdownPolicy !== undefined && { shutdownPolicy }),
    ...(maxWorkers !== undefined && { maxWorkers }),
    ...(scheduling !== undefined && { scheduling }),
  }
}
