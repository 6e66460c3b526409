// What reading foreign files brings to light: faults, because of which nothing is imported, and notes, which tell what was
// made of something that has no equal here. Both name the file and the line.

export const importFileNames = [
  'resources.cfg',
  'groups.cfg',
  'rules.cfg',
  'datacenter.cfg',
  'manager_status',
] as const
export type ImportFileName = (typeof importFileNames)[number]
export type ImportFiles = Partial<Record<ImportFileName, string | undefined>>

/** Where something stands; lines count from 1. */
export type Place = { file: ImportFileName; line: number }
export type Finding = Place & { about: string; message: string }

export type Findings = { faults: Finding[]; notes: Finding[] }

export function newFindings(): Findings {
  return { faults: [], notes: [] }
}

/** File by file, line by line. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const rank = (file: ImportFileName) => importFileNames.indexOf(file)
  return findings.toSorted((a, b) => rank(a.file) - rank(b.file) || a.line - b.line)
}

/** Something is wrong with the input: what, and what would be right. */
export function addFault(findings: Findings, at: Place, about: string, message: string): void {
  findings.faults.push({ file: at.file, line: at.line, about, message })
}

/** Something has no equal here: what is done about it. */
export function addNote(findings: Findings, at: Place, about: string, message: string): void {
  findings.notes.push({ file: at.file, line: at.line, about, message })
}
