// The form of what can be expected, shared by those that judge services and those that judge the rest.
import type { Stage } from './stage.ts'
import type { Words } from './words.ts'

/** null: it holds. Otherwise how things are. */
export type Condition = (stage: Stage) => string | null

export const keys = <T extends string>(table: Record<T, unknown>) => Object.keys(table) as T[]

/** `n1 or n2`: one of these. */
export function alternatives<T>(words: Words, read: () => T): T[] {
  const all = [read()]
  while (words.take('or')) all.push(read())
  return all
}

export function unless(isSo: unknown, otherwise: string): string | null {
  return isSo ? null : otherwise
}
