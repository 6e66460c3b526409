// What the outside world may answer. Closed sets: the CRM branches on these codes, never on text.

/** Answers of a driver, after the reference's exit codes (0, 1, 3, 7, 6, 8, −1). */
export const outcomes = [
  'ok',
  'error',
  'wrong-node',
  'unknown-service',
  'invalid',
  'ignored',
  'timeout',
  // Its driver cannot move it while it runs: it is stopped here to be started there.
  'not-live',
] as const
export type Outcome = (typeof outcomes)[number]

/** What a driver finds on the host for one service. `unknown` is the answer to every doubt. */
export const foundStates = ['running', 'stopped', 'unknown'] as const
export type FoundState = (typeof foundStates)[number]
