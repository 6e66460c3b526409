// Fence devices as operators set them up: what can switch a node's machine off from outside. One schema a kind; secrets
// have schemas of their own, and are only ever sent towards the plane.
import { z } from 'zod'
import { MachineIdentity } from './machine-identity.ts'
import { ConfigId } from './names.ts'
import { text } from './text.ts'

const url = text(500, 'must be an address like https://bmc.example').refine(
  (given) => /^https?:\/\/[^\s/@]+(\/\S*)?$/.test(given) && URL.canParse(given),
  { error: 'must be an address like https://bmc.example, without user or password' },
)

/** A password goes there. */
const encrypted = url.refine(
  (given) => /^https:|^http:\/\/(127\.|localhost\b|\[::1\])/.test(given),
  { error: 'must begin with https://, unless it is on this machine' },
)

const Redfish = z.strictObject({
  kind: z.literal('redfish'),
  options: z.strictObject({
    url: encrypted,
    user: text(200, 'must be the name of a user of the management controller').min(1),
    /** Which system of the controller; null: the only one it has. */
    system: text(500)
      .regex(/^\/redfish\/v1\/Systems\/[^/\s?#]+$/, {
        error: 'must be like /redfish/v1/Systems/1',
      })
      .nullable()
      .default(null),
    /** SHA-256 of its certificate: that one is believed, and no other. null: certificates are verified as usual. */
    pin: text(200)
      .regex(/^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i, {
        error: 'must be a SHA-256 fingerprint: 64 hexadecimal digits, colons or not',
      })
      .nullable()
      .default(null),
  }),
  secret: z.strictObject({ password: text(1_000, 'must be the password of that user').min(1) }),
})

const Libvirt = z.strictObject({
  kind: z.literal('libvirt'),
  options: z.strictObject({
    /** Of the hypervisor, as the plane's own machine reaches it. */
    uri: text(500)
      .regex(/^[a-z][a-z0-9+]*:\/\/[^\s\0]*$/, {
        error: 'must be a connection URI of libvirt, like qemu+ssh://fence@host/system',
      })
      .refine((given) => !given.includes('command='), { error: 'must name no command' }),
    domain: text(200, 'must be the name or uuid of the domain').regex(/^[A-Za-z0-9_][\w.@+-]*$/, {
      error: 'must be the name or uuid of the domain',
    }),
  }),
  secret: z.null().default(null),
})

const Simulated = z.strictObject({
  kind: z.literal('simulated'),
  options: z.strictObject({
    /** The folder of the node in a local site: its supervisor has the switches of its power. */
    folder: text(1_000).regex(/^\//, { error: 'must be the whole path of a folder' }),
  }),
  secret: z.null().default(null),
})

export const FenceDeviceKind = z.enum(['redfish', 'libvirt', 'simulated'])
export type FenceDeviceKind = z.infer<typeof FenceDeviceKind>

/** A kind with its options and its secret. */
export const FenceDeviceSetup = z.discriminatedUnion('kind', [Redfish, Libvirt, Simulated])
export type FenceDeviceSetup = z.infer<typeof FenceDeviceSetup>

const wish = {
  name: ConfigId,
  /** Which machine it must speak of; null: as it says now, compared with what the node itself says. */
  expects: MachineIdentity.nullable().default(null),
}

/** A device that is added to a node. */
export const FenceDeviceCreate = z.discriminatedUnion('kind', [
  Redfish.extend(wish),
  Libvirt.extend(wish),
  Simulated.extend(wish),
])
export type FenceDeviceCreate = z.infer<typeof FenceDeviceCreate>
