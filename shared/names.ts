// What things may be called. Names travel into file paths, cgroups and URLs, so: no blanks, no separators, no dots first.
import { z } from 'zod'

const name = (what: string, pattern: RegExp, hint: string) =>
  z
    .string({ error: `${what} must be a text` })
    .regex(pattern, { error: `${what} must be ${hint}` })
    // Things are kept by name in plain objects, where these are taken.
    .refine((given) => !(given in Object.prototype), {
      error: `${what} must not be a word that JavaScript keeps for itself`,
    })

/** Cluster, lower case: `lab`, `site-17`. */
export const ClusterName = name(
  'cluster name',
  /^[a-z0-9][a-z0-9-]{0,62}$/,
  'lower-case letters, digits and dashes, at most 63, starting with a letter or digit',
)

/** Node, as in a host name: `n1`, `edge-04`. */
export const NodeName = name(
  'node name',
  /^[a-z0-9][a-z0-9-]{0,62}$/,
  'lower-case letters, digits and dashes, at most 63, starting with a letter or digit',
)

/** The drivers a service id may start with. */
export const serviceTypes = [
  'process',
  'vm',
  'ct',
  'podman',
  'systemd',
  'ocf',
  'ocf-group',
] as const
export type ServiceType = (typeof serviceTypes)[number]

/** Service id `<type>:<name>`: `process:web`, `vm:100`. */
export const ServiceId = name(
  'service id',
  new RegExp(`^(${serviceTypes.join('|')}):[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$`),
  `<type>:<name> with one of the types ${serviceTypes.join(', ')} and a name of letters, digits and . _ @ -, at most 63, starting with a letter or digit`,
)

/** Group and rule ids, as the reference has them: a letter, then letters, digits, - and _. */
export const ConfigId = name(
  'name',
  /^[A-Za-z][A-Za-z0-9_-]{1,62}$/,
  'a letter followed by 1 to 62 letters, digits, - or _',
)

/** The driver part of a service id. `sid` must already have been parsed with `ServiceId`. */
export function serviceType(sid: string): ServiceType {
  return sid.slice(0, sid.indexOf(':')) as ServiceType
}
