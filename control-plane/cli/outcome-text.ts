// What a change answered, as text: the sentence where it happened, what would happen where it was a dry run.
import type { Session } from './session.ts'

/** As the plane answers `?dryRun=true`. */
export type DryRun<Body = unknown> = {
  dryRun: true
  would: { status: number; body: Body }
  changes: string[]
  waits: Record<string, string>
}

/** `sentence`, or what the plane says it would do. */
export function explain(session: Session, answer: unknown, sentence: string): string {
  return session.dryRun ? formatDryRun(answer as DryRun) : sentence
}

/** What the next round would change, and what would then wait for what. */
export function formatDryRun({ changes, waits }: DryRun): string {
  const waiting = Object.entries(waits).map(([subject, note]) => `  ${subject} waits: ${note}`)
  return [
    `Nothing was changed. It would be accepted${changes.length > 0 ? ', and the next round would do:' : '.'}`,
    ...changes.map((line) => `  ${line}`),
    ...waiting,
  ].join('\n')
}
