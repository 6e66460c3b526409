// How to run a `process:` service: a supervised command.
import { z } from 'zod'
import { text } from '../text.ts'

const argument = text(4096)

const account = (what: string) =>
  z
    .string({ error: `${what} must be a text` })
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, { error: `${what} must be the name of a ${what}` })

const limit = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional()
const limits = {
  openFiles: limit,
  /** Of all processes of its user together. */
  processes: limit,
  fileBytes: limit,
  addressSpaceBytes: limit,
  coreBytes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
}

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
  error: 'a variable must be called by letters, digits and _, and not begin with a digit',
})

/** No shell: `command[0]` is executed with the rest as arguments. */
export const ProcessSpec = z.strictObject({
  command: z.array(argument).min(1, { error: 'command must name a program to run' }).max(256),
  environment: z.record(variable, argument).default({}),
  directory: text(4096).startsWith('/', { error: 'directory must be an absolute path' }).optional(),
  /** Whom it runs as, by name; absent: as the agent does. `group` absent: the user's own, and all others the user has. */
  user: account('user').optional(),
  group: account('group').optional(),
  /** Of the kernel, for each of its processes. */
  limits: z.strictObject(limits).optional(),
})
export type ProcessSpec = z.infer<typeof ProcessSpec>
