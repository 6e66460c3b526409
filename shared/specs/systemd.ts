// How to run a `systemd:` service: a unit of the node's service manager.
import { z } from 'zod'

const unitName = /^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,200}\.service$/

export const SystemdSpec = z.strictObject({
  /** Its unit on every node; absent: named as the service, `systemd:db` is `db.service`. */
  unit: z
    .string({ error: 'unit must be a text' })
    .regex(unitName, { error: 'unit must be the name of a .service unit' })
    .superRefine((unit, context) => {
      if (isTemplate(unit)) context.addIssue({ code: 'custom', message: templateFault(unit) })
    })
    .optional(),
})
export type SystemdSpec = z.infer<typeof SystemdSpec>

/** A template without an instance: nothing runs under such a name, and the manager answers no question that has it in it. */
export function isTemplate(unit: string): boolean {
  return /^[^@]*@\.service$/.test(unit)
}

const templateFault = (unit: string) =>
  `unit must be an instance of ${unit}, as ${unit.replace('@.', '@NAME.')}: of a template itself nothing can run`

/** Why a service of this name cannot be run without `unit`, or with the one it has; null: it can. */
export function unitFault(sid: string, spec: SystemdSpec): string | null {
  const unit = unitOf(sid, spec)
  return isTemplate(unit) ? templateFault(unit) : null
}

/** The unit of a service. */
export function unitOf(sid: string, spec: SystemdSpec): string {
  return spec.unit ?? `${sid.slice(sid.indexOf(':') + 1)}.service`
}
