// Versions as entity tags: who sends back the version they saw never overwrites a change they have not seen.
import type { Context } from 'hono'
import { refuse } from '../intake/refusal.ts'
import { accepted, ProblemError } from './errors.ts'

/** `"7"` for version 7. */
export function etag(version: number): string {
  return `"${version}"`
}

/** Refuses when `If-Match` names another version than the row has. Without the header the last writer wins. */
export function checkIfMatch(context: Context, version: number): void {
  const header = context.req.header('if-match')?.trim()
  if (header === undefined || header === '*') return
  const named = /^(?:W\/)?"?(\d+)"?$/.exec(header)?.[1]
  if (named === undefined)
    throw new ProblemError(422, 'invalid', 'If-Match must be a version such as "7"')
  if (Number(named) === version) return
  accepted(
    refuse(
      'version-conflict',
      `it is at version ${version} by now, not ${named}: look at it again, then repeat the change`,
    ),
  )
}
