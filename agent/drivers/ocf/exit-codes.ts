// What the exit code of a resource agent says, by the OCF contract.
import type { Outcome } from '../../../shared/outcome.ts'

const meanings: Record<number, [outcome: Outcome, meaning: string]> = {
  0: ['ok', 'ok'],
  1: ['error', 'generic error'],
  // A file or a user that is missing here may be there on another node.
  2: ['wrong-node', 'a parameter is no good on this node'],
  3: ['invalid', 'the agent does not know this action'],
  4: ['wrong-node', 'not permitted on this node'],
  5: ['wrong-node', 'something it needs is not installed on this node'],
  6: ['invalid', 'a parameter is wrong everywhere'],
  7: ['error', 'it is not running'],
  8: ['error', 'it runs as promoted'],
  9: ['error', 'it has failed as promoted'],
  190: ['error', 'it runs, but degraded'],
  191: ['error', 'it runs as promoted, but degraded'],
}

/** Codes of an action that is to bring about or end something. */
export function outcomeOf(code: number): Outcome {
  return meanings[code]?.[0] ?? 'error'
}

export function meaningOf(code: number): string {
  const meaning = meanings[code]?.[1]
  return meaning === undefined ? `exit code ${code}` : `${meaning} (exit code ${code})`
}

export type Monitored = 'running' | 'stopped' | 'unknown'

/** Its software is not on this host: where it was never started, nothing of it runs. */
export const notInstalledCode = 5

/** What a monitor's code says of what may not have been started here. */
export function monitoredBy(code: number | null): Monitored {
  if (code === 0 || code === 8 || code === 190 || code === 191) return 'running'
  return code === 7 || code === notInstalledCode ? 'stopped' : 'unknown'
}
