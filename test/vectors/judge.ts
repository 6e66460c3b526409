// Recorded decisions of the reference, each an input with what came of it, against our functions. What a file holds is
// told by its content, never by its name.
import { readFileSync } from 'node:fs'
import { bundles } from './kinds/bundles.ts'
import { nodeChoice } from './kinds/node-choice.ts'
import { place } from './kinds/place.ts'
import { rebalance } from './kinds/rebalance.ts'
import { rules } from './kinds/rules.ts'

export type Difference = { what: string; expected: unknown; actual: unknown }
export type Verdict = { case: string; difference: Difference | null }

/** One kind of recorded decision. */
export type Kind = {
  name: string
  recognises(item: object): boolean
  /** One verdict for every decision in it. `others`: all of its file, for what an item leaves to be read elsewhere. */
  judge(item: object, others: readonly unknown[]): Verdict[]
}

export type FileVerdict = {
  file: string
  total: number
  agreed: number
  firstDifference: ({ case: string } & Difference) | null
}

/** Every kind there is; a new one is added here. */
export const kinds: readonly Kind[] = [rules, nodeChoice, bundles, place, rebalance]

/** How far our decisions agree with those in `file`. */
export function judgeFile(file: string): FileVerdict {
  const verdicts = itemsIn(file).flatMap(judgeItem)
  const first = verdicts.find((verdict) => verdict.difference !== null)
  return {
    file,
    total: verdicts.length,
    agreed: verdicts.filter((verdict) => verdict.difference === null).length,
    firstDifference: first ? { case: first.case, ...first.difference! } : null,
  }
}

/** The recorded decisions in `file`. */
export function itemsIn(file: string): unknown[] {
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
  return Array.isArray(content) ? content : [content]
}

/** The kind that `item` is of. */
export function kindOf(item: unknown): Kind | undefined {
  if (typeof item !== 'object' || item === null) return undefined
  return kinds.find((one) => one.recognises(item))
}

function judgeItem(item: unknown, index: number, all: readonly unknown[]): Verdict[] {
  const kind = kindOf(item)
  if (kind) {
    const verdicts = kind.judge(item as object, all)
    return verdicts.map((verdict) => ({
      ...verdict,
      case: `${kind.name} ${index}: ${verdict.case}`,
    }))
  }
  const actual = `${JSON.stringify(item)?.slice(0, 100)}…`
  const expected = `one of: ${kinds.map(({ name }) => name).join(', ')}`
  return [{ case: `${index}`, difference: { what: 'kind of decision', expected, actual } }]
}

/** null if both are the same JSON, whatever the order of keys. */
export function compare(what: string, expected: unknown, actual: unknown): Difference | null {
  return canonical(expected) === canonical(actual) ? null : { what, expected, actual }
}

/** How far apart two numbers may be that were worked out in another order. */
const rounding = 1e-12

/** null if both have the same keys, with the same numbers but for rounding. */
export function compareNumbers(
  what: string,
  expected: Record<string, number>,
  actual: Record<string, number>,
): Difference | null {
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)])
  const isSame = [...keys].every((key) => Math.abs(expected[key]! - actual[key]!) <= rounding)
  return isSame ? null : { what, expected, actual }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
