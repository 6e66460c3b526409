// What can be said about a service on the command line, and what the plane is asked for it.
import { type Command, Option } from 'commander'
import type { ServiceConfigBody } from '../../../shared/operator-api.ts'
import type { ProcessSpec } from '../../../shared/specs/process.ts'
import { parseDurationMs } from '../duration.ts'
import { usage } from '../failure.ts'
import { given, parseBytes, parseDecimal, parseWholeNumber, parseYesNo } from '../option-value.ts'

export type ServiceFlags = {
  state?: string
  group?: string
  maxRestart?: string
  maxRelocate?: string
  comment?: string
  stopTimeout?: string
  failback?: string
  autoRebalance?: string
  cpus?: string
  memory?: string
  node?: string
  env?: string[]
  dir?: string
}
type Body = Record<string, unknown>

/** The options of add and set. */
export function configures(command: Command): Command {
  return command
    .addOption(
      new Option('--state <state>', 'requested state').choices([
        'started',
        'stopped',
        'disabled',
        'ignored',
        'enabled',
      ]),
    )
    .option('--group <group>', 'the group of nodes it runs on')
    .option('--max-restart <n>', 'starts to try again on one node before another is chosen')
    .option('--max-relocate <n>', 'other nodes to try')
    .option('--stop-timeout <duration>', 'how long a stop may take before it is killed')
    .option('--failback <yes|no>', 'return to a preferred node that comes back')
    .option('--auto-rebalance <yes|no>', 'automatic rebalancing may move it')
    .option('--cpus <n>', 'for scheduling mode static: CPUs it needs; 0: all of its node')
    .option('--memory <size>', 'for scheduling mode static: memory it needs, like 512M or 4G')
    .option('--node <node>', 'where it is now: its first start prefers that node')
    .option('--comment <text>')
    .option('--env <name=value>', 'an environment variable; may be given several times', collect)
    .option('--dir <folder>', 'working folder, absolute')
}

function collect(value: string, sofar: string[] = []): string[] {
  return [...sofar, value]
}

/** What was given, in the words of the plane. `now`: the figures it has. */
export function serviceWishes(flags: ServiceFlags, now: ServiceConfigBody['figures']): Body {
  const figures = figuresOf(flags, now)
  const { state, group, node, comment } = flags
  return {
    ...(state === undefined ? {} : { requested: state }),
    ...(group === undefined ? {} : { group }),
    ...given(flags, 'maxRestart', parseWholeNumber),
    ...given(flags, 'maxRelocate', parseWholeNumber),
    ...given(flags, 'stopTimeout', parseDurationMs, 'stopTimeoutMs'),
    ...given(flags, 'failback', parseYesNo),
    ...given(flags, 'autoRebalance', parseYesNo),
    ...(figures === undefined ? {} : { figures }),
    ...(node === undefined ? {} : { node }),
    ...(comment === undefined ? {} : { comment }),
  }
}

function figuresOf({ cpus, memory }: ServiceFlags, now: ServiceConfigBody['figures']) {
  if (cpus === undefined && memory === undefined) return undefined
  if (now === null && (cpus === undefined || memory === undefined))
    throw usage('--cpus and --memory go together where neither is known yet')
  return {
    cpus: cpus === undefined ? now?.cpus : parseDecimal(cpus, '--cpus'),
    memoryBytes: memory === undefined ? now?.memoryBytes : parseBytes(memory, '--memory'),
  }
}

/** What was given about the process. `environment`: what it has. */
export function specWishes(
  flags: ServiceFlags,
  environment: Record<string, string>,
): Partial<ProcessSpec> {
  const added = (flags.env ?? []).map((pair) => {
    const at = pair.indexOf('=')
    if (at < 1) throw usage(`--env must be NAME=VALUE, not ${JSON.stringify(pair)}`)
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return {
    ...(added.length === 0
      ? {}
      : { environment: { ...environment, ...Object.fromEntries(added) } }),
    ...(flags.dir === undefined ? {} : { directory: flags.dir }),
  }
}

const defaults: Record<string, [key: string, value: unknown]> = {
  group: ['group', null],
  comment: ['comment', ''],
  'max-restart': ['maxRestart', 1],
  'max-relocate': ['maxRelocate', 1],
  'stop-timeout': ['stopTimeoutMs', null],
  failback: ['failback', true],
  'auto-rebalance': ['autoRebalance', true],
  figures: ['figures', null],
  node: ['node', null],
}

/** The keys of `set --delete`. */
export const forgettable = [...Object.keys(defaults), 'env', 'dir']

/** Puts one key back to its default. */
export function forget(key: string, body: Body, spec: Partial<ProcessSpec>): void {
  const known = defaults[key.replaceAll('_', '-')]
  if (known) body[known[0]] = known[1]
  else if (key === 'env') spec.environment = {}
  else if (key === 'dir') delete spec.directory
  else
    throw usage(`--delete does not know ${JSON.stringify(key)}`, {
      advice: `It knows ${forgettable.join(', ')}.`,
    })
}
