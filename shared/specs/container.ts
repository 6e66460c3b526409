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

export const PodmanSpec = z.strictObject({})
export type PodmanSpec = z.infer<typeof PodmanSpec>
