// Groups and services of an import against the cluster they come to: what is there already, and what names nobody. Adds
// faults and notes to the findings. Pure otherwise.
import type { ClusterView, NodeName } from '../../cluster/view.ts'
import { refuseGroupWithoutNodes } from '../feasible.ts'
import { addFault, addNote } from './findings.ts'
import type { Imported } from './read-files.ts'

export function judgeGroups(view: ClusterView, { groups, findings }: Imported): void {
  for (const group of groups) {
    const about = `group: ${group.name}`
    const refusal = refuseGroupWithoutNodes(view, group)
    if (Object.hasOwn(view.groups, group.name))
      addFault(findings, group, about, 'there is a group of this name already')
    else if (refusal) addFault(findings, group, about, refusal.sentence)
    else {
      const strangers = unknownNodes(view, Object.keys(group.nodes))
      if (strangers.length > 0)
        addNote(
          findings,
          group,
          about,
          `${strangers.join(', ')} ${strangers.length === 1 ? 'is' : 'are'} not in this cluster yet, and count from the day of joining`,
        )
    }
  }
}

export function judgeServices(view: ClusterView, imported: Imported): void {
  const { services, groups, seen, findings } = imported
  const named = new Set([...Object.keys(view.groups), ...groups.map(({ name }) => name)])
  for (const service of services) {
    const about = service.sid
    if (Object.hasOwn(view.services, service.sid) && view.services[service.sid]?.config)
      addFault(findings, service, about, 'there is a service of this id already')
    if (service.group !== null && !named.has(service.group))
      addFault(
        findings,
        service,
        about,
        `group ${service.group} is neither in groups.cfg nor in this cluster`,
      )
    const was = seen.services.get(service.sid)
    if (was?.state === 'error')
      addNote(findings, service, about, 'in error there: repair the cause before it is wanted here')
  }
  noteStrangers(view, imported)
}

/** Nodes of the old cluster that have not joined this one. */
function noteStrangers(view: ClusterView, { seen, findings }: Imported): void {
  const hosts = [...seen.services.values()].flatMap(({ node }) => node ?? [])
  const strangers = unknownNodes(view, [...new Set([...seen.nodes, ...hosts])])
  const [first] = strangers
  if (first === undefined) return
  addNote(
    findings,
    { file: 'manager_status', line: seen.lineOf(first) },
    strangers.join(', '),
    'not in this cluster yet: let them join under the same names',
  )
}

export function unknownNodes(view: ClusterView, names: NodeName[]): NodeName[] {
  return names.filter((name) => !Object.hasOwn(view.nodes, name)).sort()
}
