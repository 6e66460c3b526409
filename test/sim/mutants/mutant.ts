// A mutant: production source with one rule of the safety contract taken out, in the memory of a test process only.
import { readFileSync } from 'node:fs'

export type Edit = {
  /** From the root of the repository. */
  file: string
  /** Occurs there exactly once, or the mutant is out of date. */
  find: string
  replace: string
}

export type Mutant = {
  name: string
  /** What the world promises no longer with it. */
  guarantee: string
  edits: Edit[]
  /**
   * Second rules that would protect as well, and why: taken away in both runs, so that only `edits` make the difference. A
   * world without them must still hold in the mutant's schedule, as long as `edits` are not made.
   */
  behind?: { why: string; edits: Edit[] }
  /** The directed schedule that catches it (schedules.ts). */
  schedule: string
  /** Where the simulator's memory store stands for Postgres: the test that guards the same rule there. */
  inPostgres?: { file: string; test: string }
}

/** `behind`: without the second rules only. */
export type Part = 'all' | 'behind'

const root = new URL('../../../', import.meta.url)

export function editsOf(mutant: Mutant, part: Part): Edit[] {
  const behind = mutant.behind?.edits ?? []
  return part === 'behind' ? behind : [...behind, ...mutant.edits]
}

/** The source text with every edit of `edits` made; throws where one does not fit. */
export function edited(text: string, edits: readonly Edit[]): string {
  let next = text
  for (const { file, find, replace } of edits) {
    const found = next.split(find).length - 1
    if (found !== 1) throw new Error(`${file} has ${found} of what a mutant changes: ${find}`)
    next = next.replace(find, () => replace)
  }
  return next
}

export function editsByFile(edits: readonly Edit[]): Map<string, Edit[]> {
  const byFile = new Map<string, Edit[]>()
  for (const edit of edits) byFile.set(edit.file, [...(byFile.get(edit.file) ?? []), edit])
  return byFile
}

export function urlOf(file: string): string {
  return new URL(file, root).href
}

export function sourceOf(file: string): string {
  return readFileSync(new URL(file, root), 'utf8')
}
