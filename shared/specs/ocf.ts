// How to run an `ocf:` service, one resource agent, and an `ocf-group:` service, several in order as one.
// What an agent's parameters may be is in its own meta-data, on the node: judged there, before anything is started.
import { z } from 'zod'
import { text } from '../text.ts'

/**
 * Whether it moves while it runs, where its agent declares `migrate_to` and `migrate_from`; else it is stopped here and started
 * there. Pacemaker's `allow-migrate`, and with it the word that there is never more than one active copy in between.
 */
const live = z.boolean({ error: 'live must be true or false' }).default(false)

/** Where it is: /usr/lib/ocf/resource.d/PROVIDER/TYPE. */
const agent = z
  .string({ error: 'agent must be a text like ocf:heartbeat:IPaddr2' })
  .regex(/^ocf(:[A-Za-z0-9][A-Za-z0-9_.-]{0,62}){2}$/, {
    error: 'agent must be ocf:PROVIDER:TYPE, like ocf:heartbeat:IPaddr2',
  })

const parameters = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, {
      error: 'a parameter is named with letters, digits and _',
    }),
    text(16_384),
  )
  .default({})

const timeoutMs = z
  .number()
  .int()
  .min(100, { error: 'timeoutMs must be at least 100' })
  .max(86_400_000, { error: 'timeoutMs must be at most a day' })
  .optional()
const intervalMs = z
  .number()
  .int()
  .min(500, { error: 'intervalMs must be at least 500' })
  .max(86_400_000, { error: 'intervalMs must be at most a day' })
  .optional()

/** Instead of what the agent's meta-data advises. */
const operations = z
  .strictObject({
    start: z.strictObject({ timeoutMs }).optional(),
    stop: z.strictObject({ timeoutMs }).optional(),
    monitor: z.strictObject({ timeoutMs, intervalMs }).optional(),
    migrate_to: z.strictObject({ timeoutMs }).optional(),
    migrate_from: z.strictObject({ timeoutMs }).optional(),
  })
  .default({})

const resource = { agent, parameters, operations }

export const OcfSpec = z.strictObject({ ...resource, live })
export type OcfSpec = z.infer<typeof OcfSpec>

const member = z.strictObject({
  /** What the agent is told it is called; one of a kind in its group. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, {
    error: 'name must be letters, digits and . _ -, at most 63, starting with a letter or digit',
  }),
  ...resource,
})

/** Started in this order, stopped in the reverse. */
export const OcfGroupSpec = z.strictObject({
  members: z
    .array(member)
    .min(1, { error: 'members must name at least one resource' })
    .max(64, { error: 'members must be at most 64' })
    .refine((given) => new Set(given.map(({ name }) => name)).size === given.length, {
      error: 'members must have different names',
    }),
})
export type OcfGroupSpec = z.infer<typeof OcfGroupSpec>

/** One resource, as its agent is to run it. */
export type OcfMember = z.infer<typeof member>
