// All files of one import, read. Pure: texts in, what they say and what was found on the way out. What it means for a cluster
// is worked out in plan.ts.
import { type ImportedSettings, readDatacenter } from './datacenter.ts'
import { addNote, type Findings, type ImportFiles, newFindings } from './findings.ts'
import { readManagerStatus, type SeenStatus } from './manager-status.ts'
import {
  type ImportedGroup,
  type ImportedRule,
  type ImportedService,
  readGroups,
  readResources,
  readRules,
} from './sections.ts'

export type Imported = {
  services: ImportedService[]
  groups: ImportedGroup[]
  rules: ImportedRule[]
  settings: ImportedSettings
  seen: SeenStatus
  findings: Findings
}

/** Reads them all; whether anything is wrong with them is in `findings.faults`. */
export function readFiles(files: ImportFiles): Imported {
  const findings = newFindings()
  const services = readResources(files['resources.cfg'] ?? '', findings)
  const seen = readManagerStatus(files.manager_status ?? '', findings)
  noteLeftovers(services, seen, findings)
  return {
    services,
    groups: readGroups(files['groups.cfg'] ?? '', findings),
    rules: readRules(files['rules.cfg'] ?? '', findings),
    settings: readDatacenter(files['datacenter.cfg'] ?? '', findings),
    seen,
    findings,
  }
}

/** The manager keeps a service for a while after it was removed from the configuration. */
function noteLeftovers(services: ImportedService[], seen: SeenStatus, findings: Findings): void {
  const configured = new Set(services.map(({ sid }) => sid))
  for (const [sid, { state, node }] of seen.services)
    if (!configured.has(sid))
      addNote(
        findings,
        { file: 'manager_status', line: seen.lineOf(sid) },
        sid,
        `${state} on ${node ?? 'no node'} there, but not in resources.cfg: left out`,
      )
}
