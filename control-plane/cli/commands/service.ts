// What services are configured: add, set, remove.
import { type Command, Option } from 'commander'
import type { ServiceConfigBody } from '../../../shared/operator-api.ts'
import type { ProcessSpec } from '../../../shared/service.ts'
import { parseDurationMs } from '../duration.ts'
import { usage } from '../failure.ts'
import { explain } from '../outcome-text.ts'
import { segment, type Session, withPlane } from '../session.ts'

type Flags = {
  state?: string
  group?: string
  maxRestart?: string
  maxRelocate?: string
  comment?: string
  stopTimeout?: string
  env?: string[]
  dir?: string
}
type SetFlags = Flags & { delete?: string; digest?: string }

/** Adds the commands about the configuration of services. */
export function addServices(program: Command): void {
  configures(
    program
      .command('add')
      .description(
        'put a service under management: ha-manager add process:web -- /usr/bin/web --port 80',
      )
      .argument('<sid>')
      .argument('[command...]', 'after --: the program and its arguments, run without a shell'),
  ).action(
    withPlane<Flags>((session, [sid = '', ...command], flags) => add(session, sid, command, flags)),
  )

  configures(
    program
      .command('set')
      .description('change the configuration of a service')
      .argument('<sid>')
      .argument('[command...]', 'after --: the new program and its arguments'),
  )
    .option(
      '--delete <keys>',
      'back to the default: group, comment, max-restart, max-relocate, stop-timeout, env, dir',
    )
    .option('--digest <version>', 'refuse if the configuration is not this version any more')
    .action(
      withPlane<SetFlags>((session, [sid = '', ...command], flags) =>
        set(session, sid, command, flags),
      ),
    )
}

function configures(command: Command): Command {
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
    .option('--comment <text>')
    .option('--env <name=value>', 'an environment variable; may be given several times', collect)
    .option('--dir <folder>', 'working folder, absolute')
}

function collect(value: string, sofar: string[] = []): string[] {
  return [...sofar, value]
}

async function add(session: Session, sid: string, command: string[], flags: Flags): Promise<void> {
  if (command.length === 0)
    throw usage(`what should ${sid} run?`, {
      advice: `ha-manager add ${sid} -- /path/to/program ARGUMENTS`,
    })
  const answer = await session.plane.post(await session.path('/services'), {
    body: { sid, ...wishes(flags), spec: { command, ...specWishes(flags, {}) } },
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () => explain(session, answer, `${sid} added`))
}

async function set(
  session: Session,
  sid: string,
  command: string[],
  flags: SetFlags,
): Promise<void> {
  const path = await session.path(`/services/${segment(sid)}`)
  const current = await session.plane.get<ServiceConfigBody>(path)
  const body: Record<string, unknown> = wishes(flags)
  const spec = {
    ...(current.spec as ProcessSpec),
    ...specWishes(flags, (current.spec as ProcessSpec).environment),
  }
  if (command.length > 0) spec.command = command
  for (const key of flags.delete?.split(',') ?? []) forget(key.trim(), body, spec)
  if (JSON.stringify(spec) !== JSON.stringify(current.spec)) body.spec = spec
  if (Object.keys(body).length === 0)
    throw usage('nothing to change was given', {
      advice: 'ha-manager set --help lists the options.',
    })
  const answer = await session.plane.patch(path, {
    body,
    ifMatch: flags.digest === undefined ? current.version : wholeNumber(flags.digest, '--digest'),
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () => explain(session, answer, `${sid} changed`))
}

function wishes(flags: Flags): Record<string, unknown> {
  return {
    ...(flags.state === undefined ? {} : { requested: flags.state }),
    ...(flags.group === undefined ? {} : { group: flags.group }),
    ...(flags.maxRestart === undefined
      ? {}
      : { maxRestart: wholeNumber(flags.maxRestart, '--max-restart') }),
    ...(flags.maxRelocate === undefined
      ? {}
      : { maxRelocate: wholeNumber(flags.maxRelocate, '--max-relocate') }),
    ...(flags.stopTimeout === undefined
      ? {}
      : { stopTimeoutMs: parseDurationMs(flags.stopTimeout, '--stop-timeout') }),
    ...(flags.comment === undefined ? {} : { comment: flags.comment }),
  }
}

function specWishes(flags: Flags, environment: Record<string, string>): Partial<ProcessSpec> {
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
}

function forget(key: string, body: Record<string, unknown>, spec: ProcessSpec): void {
  const known = defaults[key]
  if (known) body[known[0]] = known[1]
  else if (key === 'env') spec.environment = {}
  else if (key === 'dir') delete spec.directory
  else
    throw usage(`--delete does not know ${JSON.stringify(key)}`, {
      advice: `It knows ${[...Object.keys(defaults), 'env', 'dir'].join(', ')}.`,
    })
}

function wholeNumber(text: string, what: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw usage(`${what} must be a whole number, not ${JSON.stringify(text)}`)
  return Number(text)
}
