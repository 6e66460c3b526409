// Takes the properties of one section one by one, each once; what nobody took has no equal here and is noted.
import { addFault, addNote, type Findings, type Place } from './findings.ts'
import { readConfigId, type Value } from './read-value.ts'
import type { Section } from './section-file.ts'

type Read<T> = (value: Value, findings: Findings) => T | undefined

export type SectionReader = Place & {
  about: string
  findings: Findings
  /** The value of `key`, or `usual` where it is not given or wrong. */
  take<T>(key: string, read: Read<T>, usual: T): T
  /** As `take`, but it must be given. */
  need<T>(key: string, read: Read<T>, usual: T): T
  /** The section's id as the name of a group or rule. */
  name(): string
  /** Notes what is left. */
  finish(): void
}

export function sectionReader(section: Section, findings: Findings): SectionReader {
  const { file, line, type, id } = section
  const about = `${type}: ${id}`
  const left = new Map(section.properties)
  const take: SectionReader['take'] = (key, read, usual) => {
    const found = left.get(key)
    left.delete(key)
    return (found && read({ ...found, key, about }, findings)) ?? usual
  }
  return {
    file,
    line,
    about,
    findings,
    take,
    need(key, read, usual) {
      if (!left.has(key)) addFault(findings, section, about, `${key} is missing`)
      return take(key, read, usual)
    },
    name: () => readConfigId({ file, line, about, key: 'its', value: id }, findings) ?? id,
    finish() {
      for (const [key, at] of left)
        addNote(findings, at, about, `${key} has no equal here: left out`)
    },
  }
}
