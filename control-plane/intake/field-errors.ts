// What a schema objects to, field by field, in words that say what would be right.
import type { z } from 'zod'
import type { FieldError } from './refusal.ts'

/** @param at where what was judged is itself: `spec`, for instance */
export function fieldErrors(issue: z.core.$ZodIssue, at: readonly string[] = []): FieldError[] {
  const path = [...at, ...issue.path.map(String)]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: [...path, key].join('.'), message: 'no such field' }))
  // The words of its own say only that a key is wrong.
  const inner = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined
  return [{ field: path.join('.'), message: inner ?? issue.message }]
}
