// Fence devices as operators set them up: what can switch a node's machine off from outside. One schema a kind; secrets
// have schemas of their own, and are only ever sent towards the plane.
import { z } from 'zod'
import { MachineIdentity } from './machine-identity.ts'
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
      .refine((given) => !/\+ext:|[?&](command|netcat)=/.test(given), {
        error: 'must name no command',
      }),
    domain: text(200, 'must be the name or uuid of the domain').regex(/^[A-Za-z0-9_][\w.@+-]*$/, {
      error: 'must be the name or uuid of the domain',
    }),
  }),
  secret: z.null().default(null),
})

const oneLine = text(1_000).refine((given) => !/[\r\n]/.test(given), {
  error: 'must be one line',
})

const FenceAgent = z.strictObject({
  kind: z.literal('fence-agent'),
  options: z.strictObject({
    agent: text(100).regex(/^fence_[a-z0-9_]+$/, {
      error: 'must be the name of a fence agent, like fence_apc',
    }),
    /** Outlet, blade, machine: what the agent calls a plug or port. */
    plug: oneLine.min(1),
    parameters: z
      .record(
        z.string().regex(/^[a-z][a-z0-9_]*$/, { error: 'must be a parameter of the agent' }),
        oneLine,
      )
      .refine(
        (given) => !['action', 'plug', 'port', 'password', 'passwd'].some((key) => key in given),
        {
          error: 'must not name action, plug, port or password: they are told apart',
        },
      )
      // SAFETY: what is not there is not off, and a command must not go out later than it was asked for (M15).
      .refine((given) => !('missing_as_off' in given || 'delay' in given), {
        error: 'must not name missing_as_off or delay: a proof must not rest on them',
      })
      .default({}),
  }),
  secret: z.strictObject({ password: oneLine.nullable().default(null) }).prefault({}),
})

const Simulated = z.strictObject({
  kind: z.literal('simulated'),
  options: z.strictObject({
    /** The folder of the node in a local site: its supervisor has the switches of its power. */
    folder: text(1_000).regex(/^\//, { error: 'must be the whole path of a folder' }),
  }),
  secret: z.null().default(null),
})

export const FenceDeviceKind = z.enum(['redfish', 'libvirt', 'fence-agent', 'simulated'])
export type FenceDeviceKind = z.infer<typeof FenceDeviceKind>

/** A kind with its options and its secret. */
export const FenceDeviceSetup = z.discriminatedUnion('kind', [
  Redfish,
  Libvirt,
  FenceAgent,
  Simulated,
])
export type FenceDeviceSetup = z.infer<typeof FenceDeviceSetup>

const wish = {
  /** Which machine it must speak of; null: as it says now, compared with what the node itself says. */
  expects: MachineIdentity.partial()
    .transform(({ uuid = null, serial = null }) => ({ uuid, serial }))
    .nullable()
    .default(null),
}

/** A device as an operator sets it up; its name stands in the path. */
export const FenceDeviceUpdate = z.discriminatedUnion('kind', [
  Redfish.extend(wish),
  Libvirt.extend(wish),
  FenceAgent.extend(wish),
  Simulated.extend(wish),
])
export type FenceDeviceUpdate = z.infer<typeof FenceDeviceUpdate>

/** What anybody may see of it: no secrets. */
export const FenceDeviceBody = z.object({
  name: z.string(),
  kind: FenceDeviceKind,
  options: z.record(z.string(), z.unknown()),
  expects: MachineIdentity,
})
export type FenceDeviceBody = z.infer<typeof FenceDeviceBody>

/** What it says just now. Nothing was switched. */
export const FenceDeviceTest = z.object({
  name: z.string(),
  /** on, off, paused, changing or unknown; null: it did not answer. */
  state: z.string().nullable(),
  identity: MachineIdentity.nullable(),
  /** It speaks of the machine that it must speak of. */
  isExpected: z.boolean(),
  /** Why it did not answer; '': it did. */
  fault: z.string(),
})
export type FenceDeviceTest = z.infer<typeof FenceDeviceTest>
