// How to run a `ct:` service (LXC) and a `podman:` service.
import { z } from 'zod'
import { text } from '../text.ts'

const containerName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/, {
  error:
    'container must be letters, digits and . _ @ -, at most 63, starting with a letter or digit',
})

/** What would take the container out of the agent's hands, and why. */
const refused: [line: RegExp, why: string][] = [
  [/^lxc\.start\.auto\s*=\s*[^0\s]/, 'only the agent starts it: lxc.start.auto must be 0'],
  [
    /^lxc\.ephemeral\s*=\s*[^0\s]/,
    'its files would go with its first stop: lxc.ephemeral must be 0',
  ],
  [/^lxc\.namespace\.(keep|clone|share\.pid)\b/, 'it must have a process namespace of its own'],
  [/^lxc\.include\b/, 'what another file says cannot be judged: put its lines here'],
]

const configLine = text(4096).superRefine((line, context) => {
  const why = /^lxc\.[a-z0-9_.-]+\s*=[^\n]*$/i.test(line)
    ? refused.find(([pattern]) => pattern.test(line))?.[1]
    : 'each line must be like lxc.key = value'
  if (why !== undefined) context.addIssue({ code: 'custom', message: why })
})

/** Without `config`: a container that is there on the node, by default of the service's own name. */
export const ContainerSpec = z
  .strictObject({
    container: containerName.optional(),
    /** Its whole configuration, line by line. */
    config: z.array(configLine).min(1).max(1_000).optional(),
  })
  .refine(({ container, config }) => container === undefined || config === undefined, {
    error: 'either container, for one that is there on its nodes, or config, for a new one',
    path: ['container'],
  })
export type ContainerSpec = z.infer<typeof ContainerSpec>

/** What LXC calls it. */
export function containerOf(sid: string, { container }: Pick<ContainerSpec, 'container'>): string {
  return container ?? sid.slice(sid.indexOf(':') + 1)
}

const word = text(4096)
const absolute = (what: string) =>
  word.startsWith('/', { error: `${what} must be an absolute path` })

/** Of a registry or of the node's own store, or a root file system on the node. */
export const PodmanSpec = z
  .strictObject({
    image: word
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$/, {
        error: 'image must be a name like docker.io/library/nginx:1.27',
      })
      .optional(),
    rootfs: absolute('rootfs').optional(),
    /** Instead of what the image says; a root file system needs one. */
    command: z.array(word).min(1).max(256).optional(),
    environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), word).default({}),
    /** `/on/the/node:/in/the/container[:ro]` */
    volumes: z
      .array(
        word.regex(/^\/[^:]*:\/[^:]*(:[A-Za-z,]+)?$/, {
          error: 'a volume must be /on/the/node:/in/the/container, and :ro if it is only read',
        }),
      )
      .max(100)
      .default([]),
    /** `8080:80`, `192.0.2.7:53:53/udp` */
    ports: z
      .array(
        word.regex(/^[0-9a-fA-F.:[\]]+(\/(tcp|udp|sctp))?$/, {
          error: 'a port must be like 8080:80 or 192.0.2.7:53:53/udp',
        }),
      )
      .max(100)
      .default([]),
    /** As Podman has them: host, none, or the name of one of the node's networks. */
    network: word
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, { error: 'network must be a name, host or none' })
      .optional(),
    memoryBytes: z
      .number()
      .int()
      .min(6 * 1024 * 1024)
      .optional(),
    cpus: z.number().positive().max(1024).optional(),
  })
  .refine(({ image, rootfs }) => (image === undefined) !== (rootfs === undefined), {
    error: 'either image or rootfs',
    path: ['image'],
  })
  .refine(({ rootfs, command }) => rootfs === undefined || command !== undefined, {
    error: 'command must say what runs in a rootfs',
    path: ['command'],
  })
export type PodmanSpec = z.infer<typeof PodmanSpec>
