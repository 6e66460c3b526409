// The section format of resources.cfg, groups.cfg and rules.cfg: `type: id`, then one indented `key value` a line, and a
// blank line behind each section. `#` begins a comment line. A key without a value is a boolean that is on.
import { addFault, type Findings, type ImportFileName, type Place } from './findings.ts'

export type Property = Place & { value: string | null }
export type Section = Place & { type: string; id: string; properties: Map<string, Property> }

const header = /^(\S+):\s*(\S+)\s*$/
const property = /^\s+(\S+)(?:\s+(.*\S))?\s*$/

/** The sections of `text` in their order. What is no section and no property is a fault, and so is what comes twice. */
export function readSections(file: ImportFileName, text: string, findings: Findings): Section[] {
  const sections: Section[] = []
  const seen = new Map<string, number>()
  let current: Section | null = null
  for (const [index, raw] of linesOf(text).entries()) {
    const at = { file, line: index + 1 }
    if (/^\s*#/.test(raw)) continue
    if (raw.trim() === '') {
      current = null
      continue
    }
    const opening = header.exec(raw)
    if (opening) {
      const [, type = '', id = ''] = opening
      const before = seen.get(id)
      if (before !== undefined)
        addFault(findings, at, id, `${id} has a section already, in line ${before}`)
      seen.set(id, before ?? at.line)
      current = { ...at, type, id, properties: new Map() }
      sections.push(current)
    } else addProperty(current, raw, at, findings)
  }
  return sections
}

function addProperty(section: Section | null, raw: string, at: Place, findings: Findings): void {
  const found = property.exec(raw)
  if (!found)
    return addFault(
      findings,
      at,
      section?.id ?? '',
      `must be a section like "vm: 100", or an indented key with its value, not ${quoted(raw)}`,
    )
  const [, key = '', value = null] = found
  if (section === null)
    return addFault(findings, at, key, `${key} belongs to no section: a blank line ends one`)
  const before = section.properties.get(key)
  if (before)
    return addFault(findings, at, section.id, `${key} was given already, in line ${before.line}`)
  section.properties.set(key, { ...at, value })
}

/** Lines without their ends, whichever system wrote them, and without a byte order mark. */
export function linesOf(text: string): string[] {
  return text.replace(/^\uFEFF/, '').split(/\r?\n/)
}

/** A piece of the input, short enough for a sentence. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
