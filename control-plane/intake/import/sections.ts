// What resources.cfg, groups.cfg and rules.cfg say, section by section, in our words. Defaults are those of the reference.
import type { Rule } from '../../../shared/rule.ts'
import type { RequestedState } from '../../../shared/service.ts'
import { addFault, addNote, type Findings, type Place } from './findings.ts'
import {
  readBoolean,
  readComment,
  readConfigId,
  readInteger,
  readNodes,
  readOneOf,
  readServices,
  type Value,
} from './read-value.ts'
import { readSections } from './section-file.ts'
import { sectionReader, type SectionReader } from './section-reader.ts'

export type ImportedService = Place & {
  sid: string
  requested: RequestedState
  group: string | null
  maxRestart: number
  maxRelocate: number
  failback: boolean
  autoRebalance: boolean
  comment: string
}
export type ImportedGroup = Place & {
  name: string
  nodes: Record<string, number>
  restricted: boolean
  nofailback: boolean
  comment: string
}
export type ImportedRule = Place & { rule: Rule }

/** As many as the API takes. */
const manyRetries = 1000

/** Services by resources.cfg. */
export function readResources(text: string, findings: Findings): ImportedService[] {
  return readSections('resources.cfg', text, findings).flatMap((section) => {
    const { type, id, file, line } = section
    const reader = sectionReader(section, findings)
    if (type !== 'vm' && type !== 'ct')
      return fault(reader, `type ${type} is not known: it must be vm or ct`)
    if (!/^[1-9]\d{1,8}$/.test(id)) return fault(reader, `${id} is no number of two to nine digits`)
    const service: ImportedService = {
      file,
      line,
      sid: `${type}:${id}`,
      requested: reader.take('state', readRequested, 'started'),
      group: reader.take<string | null>('group', readConfigId, null),
      maxRestart: reader.take('max_restart', readRetries, 1),
      maxRelocate: reader.take('max_relocate', readRetries, 1),
      failback: reader.take('failback', readBoolean, true),
      autoRebalance: reader.take('auto-rebalance', readBoolean, true),
      comment: reader.take('comment', readComment, ''),
    }
    reader.finish()
    return [service]
  })
}

/** Groups by groups.cfg. */
export function readGroups(text: string, findings: Findings): ImportedGroup[] {
  return readSections('groups.cfg', text, findings).flatMap((section) => {
    const { file, line } = section
    const reader = sectionReader(section, findings)
    if (section.type !== 'group')
      return fault(reader, `a section here begins with group:, not ${section.type}:`)
    const group: ImportedGroup = {
      file,
      line,
      name: reader.name(),
      nodes: reader.need('nodes', readNodes, {}),
      restricted: reader.take('restricted', readBoolean, false),
      nofailback: reader.take('nofailback', readBoolean, false),
      comment: reader.take('comment', readComment, ''),
    }
    reader.finish()
    return [group]
  })
}

/** Rules by rules.cfg, in their order. */
export function readRules(text: string, findings: Findings): ImportedRule[] {
  return readSections('rules.cfg', text, findings).flatMap((section) => {
    const { type, file, line } = section
    const reader = sectionReader(section, findings)
    if (type !== 'node-affinity' && type !== 'resource-affinity')
      return fault(
        reader,
        `type ${type} is not known: it must be node-affinity or resource-affinity`,
      )
    const common = {
      id: reader.name(),
      resources: reader.need('resources', readServices, []),
      disabled: reader.take('disable', readDisable, false),
      comment: reader.take('comment', readComment, ''),
    }
    const rule: Rule =
      type === 'node-affinity'
        ? {
            ...common,
            type,
            nodes: reader.need('nodes', readNodes, {}),
            strict: reader.take('strict', readBoolean, false),
          }
        : { ...common, type, affinity: reader.need('affinity', readAffinity, 'positive') }
    reader.finish()
    return [{ file, line, rule }]
  })
}

function readRequested(value: Value, findings: Findings): RequestedState | undefined {
  const words = ['started', 'enabled', 'stopped', 'disabled', 'ignored'] as const
  const word = readOneOf(value, words, findings)
  return word === 'enabled' ? 'started' : word
}

function readRetries(value: Value, findings: Findings): number | undefined {
  return readInteger(value, manyRetries, findings)
}

function readAffinity(value: Value, findings: Findings): 'positive' | 'negative' | undefined {
  return readOneOf(value, ['positive', 'negative'] as const, findings)
}

/** In the reference the key alone disables, whatever its value. */
function readDisable(value: Value, findings: Findings): boolean {
  if (readBoolean(value, findings) === false)
    addNote(findings, value, value.about, 'disabled all the same, as the key does with any value')
  return true
}

function fault(reader: SectionReader, message: string): [] {
  addFault(reader.findings, reader, reader.about, message)
  return []
}
