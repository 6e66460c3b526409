// Texts that people write: whatever can be stored in a database and handed to a program.
import { z } from 'zod'

/**
 * At most `longest` characters; a zero byte or half of a surrogate pair is refused.
 * @param needed what is said where there is none, or something else
 */
export function text(longest: number, needed = 'must be a text') {
  return z
    .string({ error: needed })
    .max(longest, { error: `must be at most ${longest} characters long` })
    .refine((given) => given.isWellFormed() && !given.includes('\0'), {
      error: 'must hold no zero byte and no half of a character',
    })
}
