// Command line and environment of the agent, checked before anything is touched.
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { NodeName, serviceTypes } from '../shared/names.ts'
import { pinPattern } from './pinned-agent.ts'
import { toolUsage } from './tools/kinds.ts'

export const usage = `Usage: ha-agent run [options]     run the agent; joins first if this node has no identity yet
       ha-agent join [options]    join only
       ha-agent doctor [options]  what this node lacks, and what to do; exit code 1 if it can keep no service
${toolUsage}

  --home DIR         data directory: identity, journal, logs (default: /var/lib/holdfast)
  --url A,B          addresses of the control plane (default: those of the join, else $HOLDFAST_URL)
  --node NAME        this node's name (needed for the join)
  --join-token TOKEN (or --token; default: $HOLDFAST_JOIN_TOKEN)
  --pin SHA256       at the join: fingerprint of the plane's certificate, the only one that is believed from then on
  --watchdog WHICH   /dev/watchdogN, simulated or none (default: none)
  --drivers A,B      kinds of services to run here (default: all that this host can run)
  --json             of doctor: findings as data
  --run DIR          emptied by a reboot: grants of services that are about to start (default: /run/holdfast)
  --libvirt-uri URI  libvirt's daemon on this node (default: qemu:///system)
  --libvirt-address URI  the same daemon for live moves, as that of another node reaches it
                     (default: qemu+tls://HOSTNAME/system)`

export const Url = z.url({ protocol: /^https?$/, error: 'must be an http or https address' })

const LibvirtUri = z.string().regex(/^[a-z+]+:\/\/\S+$/, {
  error: 'must be an address of libvirt, like qemu:///system',
})

const Config = z.strictObject({
  command: z.enum(['run', 'join', 'doctor']),
  home: z.string().startsWith('/', { error: '--home must be an absolute path' }),
  urls: z.array(Url).nullable(),
  node: NodeName.nullable(),
  joinToken: z.string().min(10).max(200).nullable(),
  pin: z
    .string()
    .regex(pinPattern, { error: '--pin must be a SHA-256 fingerprint, 64 digits' })
    .nullable(),
  watchdog: z.string().regex(/^(simulated|none|\/dev\/.+)$/, {
    error: '--watchdog must be /dev/watchdogN, simulated or none',
  }),
  /** null: all that this host can have. */
  drivers: z
    .array(
      z.enum(serviceTypes, { error: `--drivers must name some of ${serviceTypes.join(', ')}` }),
    )
    .min(1)
    .nullable(),
  isJson: z.boolean(),
  runDirectory: z.string().startsWith('/', { error: '--run must be an absolute path' }),
  libvirtUri: LibvirtUri,
  libvirtAddress: LibvirtUri.max(200),
  simulated: z
    .strictObject({
      bootId: z.string().min(8, { error: 'HOLDFAST_BOOT_ID must be set' }),
      fifo: z.string().min(1, { error: 'HOLDFAST_WATCHDOG_FIFO must be set' }),
      stateFile: z.string().min(1, { error: 'HOLDFAST_WATCHDOG_STATE must be set' }),
    })
    .nullable(),
})
export type Config = z.infer<typeof Config>

/** The configuration, or one sentence about what is wrong with it. */
export function readConfig(
  args: string[],
  environment: NodeJS.ProcessEnv,
): { config: Config } | { fault: string } {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    return { fault: (error as Error).message }
  }
  const { values, positionals } = parsed
  if (positionals.length > 1) return { fault: `unexpected: ${positionals[1]}` }
  const url = values.url ?? environment['HOLDFAST_URL']
  // Boot id and watchdog of the environment belong together: a real machine must not be told its boot id.
  const simulated = {
    bootId: environment['HOLDFAST_BOOT_ID'] ?? '',
    fifo: environment['HOLDFAST_WATCHDOG_FIFO'] ?? '',
    stateFile: environment['HOLDFAST_WATCHDOG_STATE'] ?? '',
  }
  const result = Config.safeParse({
    command: positionals[0] ?? 'run',
    home: values.home,
    urls: url === undefined ? null : url.split(',').map((one) => one.replace(/\/+$/, '')),
    node: values.node ?? null,
    joinToken: values['join-token'] ?? values.token ?? environment['HOLDFAST_JOIN_TOKEN'] ?? null,
    pin: values.pin ?? null,
    watchdog: values.watchdog,
    drivers: driversOf(values.drivers, values.watchdog === 'simulated'),
    isJson: values.json,
    runDirectory: values.run,
    libvirtUri: values['libvirt-uri'],
    libvirtAddress: values['libvirt-address'],
    simulated: values.watchdog === 'simulated' ? simulated : null,
  })
  if (result.success) return { config: result.data }
  const issue = result.error.issues[0]
  return { fault: `${issue?.path.join('.')}: ${issue?.message}` }
}

/** Virtual nodes share one host: unless told to, they keep their hands off its daemons. */
function driversOf(given: string | undefined, isSimulated: boolean): string[] | null {
  if (given !== undefined) return given.split(',')
  return isSimulated ? ['process'] : null
}

function parse(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      home: { type: 'string', default: '/var/lib/holdfast' },
      url: { type: 'string' },
      node: { type: 'string' },
      'join-token': { type: 'string' },
      token: { type: 'string' },
      pin: { type: 'string' },
      json: { type: 'boolean', default: false },
      watchdog: { type: 'string', default: 'none' },
      drivers: { type: 'string' },
      run: { type: 'string', default: '/run/holdfast' },
      'libvirt-uri': { type: 'string', default: 'qemu:///system' },
      'libvirt-address': { type: 'string', default: `qemu+tls://${hostname()}/system` },
    },
  })
}
