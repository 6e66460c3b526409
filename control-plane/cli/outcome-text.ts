// What a change answered, as text: the sentence where it happened, what would happen where it was a dry run.
import type { Session } from './session.ts'

type DryRunAnswer = { plan?: unknown; changes?: unknown; wouldDo?: unknown }

/** `sentence`, or what the plane says it would do. */
export function explain(session: Session, answer: unknown, sentence: string): string {
  return session.dryRun ? formatDryRun(answer) : sentence
}

/** The lines of a plan where the answer has some; otherwise the answer itself. */
export function formatDryRun(answer: unknown): string {
  const head = 'Nothing was changed. It would be accepted'
  if (typeof answer !== 'object' || answer === null) return `${head}.`
  const { plan, changes, wouldDo } = answer as DryRunAnswer
  const lines = [plan, changes, wouldDo].find((value) => Array.isArray(value)) as
    | unknown[]
    | undefined
  if (!lines) return `${head}:\n${JSON.stringify(answer, null, 2)}`
  if (lines.length === 0) return `${head}; the next round would change nothing.`
  return [
    `${head}, and the next round would do:`,
    ...lines.map((line) => `  ${lineText(line)}`),
  ].join('\n')
}

function lineText(line: unknown): string {
  if (typeof line === 'string') return line
  if (typeof line === 'object' && line !== null && 'line' in line) return String(line.line)
  return JSON.stringify(line)
}
