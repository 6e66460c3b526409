// Texts that people write: whatever can be stored in a database and handed to a program.
import { z } from 'zod'

/** At most `longest` characters; a zero byte or half of a surrogate pair is refused. */
export function text(longest: number) {
  return z
    .string()
    .max(longest)
    .refine((given) => given.isWellFormed() && !given.includes('\0'), {
      error: 'must hold no zero byte and no half of a character',
    })
}
