// How to run a `process:` service: a supervised command.
import { z } from 'zod'
import { text } from '../text.ts'

const argument = text(4096)

/** No shell: `command[0]` is executed with the rest as arguments. */
export const ProcessSpec = z.strictObject({
  command: z.array(argument).min(1, { error: 'command must name a program to run' }).max(256),
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), argument).default({}),
  directory: text(4096).startsWith('/', { error: 'directory must be an absolute path' }).optional(),
})
export type ProcessSpec = z.infer<typeof ProcessSpec>
