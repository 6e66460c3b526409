// A stored round, decided again: the same view must lead to the same plan. What differs is told by its lines.
// Pure but for the decision it calls, which is; must never save anything.
import { isDeepStrictEqual } from 'node:util'
import { type Change, formatChange } from '../cluster/change.ts'
import type { Plan } from '../cluster/plan.ts'
import type { ClusterView } from '../cluster/view.ts'
import { decide } from './decide/decide.ts'

export type Replay = {
  same: boolean
  /** How many changes were decided then, and are decided now. */
  changesThen: number
  changesNow: number
  /** `- ` decided then only, `+ ` decided now only; what both have is left out. */
  difference: string[]
}

/** Decides on `view` again and compares with `plan`. */
export function replay(view: ClusterView, plan: Plan): Replay {
  const then = onlyJson(plan)
  let now: Plan
  try {
    now = onlyJson(decide(view))
  } catch (error) {
    // A view of an older version may lack what is asked for today. The answer is still: not the same.
    const difference = [`! the decision fails on this view now: ${(error as Error).message}`]
    return { same: false, changesThen: then.changes.length, changesNow: 0, difference }
  }
  const difference = [
    ...changesApart(then.changes, now.changes),
    ...notesApart('service', then.serviceNotes, now.serviceNotes),
    ...notesApart('node', then.nodeNotes, now.nodeNotes),
    ...notesApart('challenge', then.challengeNotes, now.challengeNotes),
    ...apart(then.jobs.map(jobLine), now.jobs.map(jobLine)),
    ...apart([nextRound(then)], [nextRound(now)]),
  ]
  return {
    same: difference.length === 0,
    changesThen: then.changes.length,
    changesNow: now.changes.length,
    difference,
  }
}

/** As the journal has it: without what JSON leaves out. */
function onlyJson(plan: Plan): Plan {
  return JSON.parse(JSON.stringify(plan)) as Plan
}

/** Changes with equal lines may still differ in fields that the line leaves out; these are then shown. */
function changesApart(then: readonly Change[], now: readonly Change[]): string[] {
  if (isDeepStrictEqual(then, now)) return []
  const [gone, come] = remainders(then.map(canonical), now.map(canonical))
  if (gone.length + come.length === 0) return ['! the same changes, in another order']
  const parse = (texts: string[]) => texts.map((text) => JSON.parse(text) as Change)
  const [before, after] = [parse(gone), parse(come)]
  const told = (change: Change, others: readonly Change[]) => {
    const line = formatChange(change)
    const hasTwin = others.some((other) => formatChange(other) === line)
    return hasTwin ? `${line} ${canonical(change)}` : line
  }
  return [
    ...before.map((change) => `- ${told(change, after)}`),
    ...after.map((change) => `+ ${told(change, before)}`),
  ]
}

function notesApart(
  what: string,
  then: Record<string, string>,
  now: Record<string, string>,
): string[] {
  const lines = (notes: Record<string, string>) =>
    Object.entries(notes).map(
      ([subject, note]) => `${what} note of ${subject}: ${note || '(none)'}`,
    )
  return apart(lines(then), lines(now))
}

const jobLine = (job: Plan['jobs'][number]) => `job ${canonical(job)}`
const nextRound = ({ nextRoundMs }: Plan) => `next round ${nextRoundMs ?? 'as usual'}`

function apart(then: readonly string[], now: readonly string[]): string[] {
  const [gone, come] = remainders(then, now)
  return [...gone.map((line) => `- ${line}`), ...come.map((line) => `+ ${line}`)]
}

/** What each list has and the other lacks, counted. */
function remainders(then: readonly string[], now: readonly string[]): [string[], string[]] {
  const missing = (from: readonly string[], of: readonly string[]) => {
    const counts = new Map<string, number>()
    for (const line of of) counts.set(line, (counts.get(line) ?? 0) + 1)
    return from.filter((line) => {
      const left = counts.get(line) ?? 0
      counts.set(line, left - 1)
      return left <= 0
    })
  }
  return [missing(then, now), missing(now, then)]
}

/** JSON with its fields in a fixed order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
