// What can be said about a service on the command line, and what the plane is asked for it.
import { type Command, Option } from 'commander'
import type { ServiceConfigBody } from '../../../shared/operator-api.ts'
import { parseDurationMs } from '../duration.ts'
import { usage } from '../failure.ts'
import { given, parseBytes, parseDecimal, parseWholeNumber, parseYesNo } from '../option-value.ts'
import { forgettableOfSpec, type Spec, type SpecFlags, specifies } from './spec-options.ts'

export type ServiceFlags = SpecFlags & {
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
}
type Body = Record<string, unknown>

/** The options of add and set. */
export function configures(command: Command): Command {
  const configured = command
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
  return specifies(configured)
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
export const forgettable = [...Object.keys(defaults), ...Object.keys(forgettableOfSpec)]

/** Puts one key back to its default. */
export function forget(key: string, body: Body, spec: Spec): void {
  const known = defaults[key.replaceAll('_', '-')]
  const ofSpec = forgettableOfSpec[key]
  if (known) body[known[0]] = known[1]
  else if (ofSpec !== undefined) delete spec[ofSpec]
  else
    throw usage(`--delete does not know ${JSON.stringify(key)}`, {
      advice: `It knows ${forgettable.join(', ')}.`,
    })
}
