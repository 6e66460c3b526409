// What services are configured: add, set, remove.
import type { Command } from 'commander'
import type { ServiceConfigBody } from '../../../shared/operator-api.ts'
import { usage } from '../failure.ts'
import { parseWholeNumber } from '../option-value.ts'
import { explain } from '../outcome-text.ts'
import { segment, type Session, withPlane } from '../session.ts'
import { type AdoptFlags, checkAdoption, formatAdopted, takeOver } from './adopt.ts'
import {
  configures,
  forget,
  forgettable,
  type ServiceFlags,
  serviceWishes,
} from './service-options.ts'
import { type Spec, specWishes } from './spec-options.ts'

type AddFlags = ServiceFlags & AdoptFlags
type SetFlags = ServiceFlags & { delete?: string; digest?: string }

/** Adds the commands about the configuration of services. */
export function addServices(program: Command): void {
  configures(
    program
      .command('add')
      .description(
        'put a service under management: ha-manager add process:web -- /usr/bin/web --port 80, or ha-manager add ocf:vip --agent ocf:heartbeat:IPaddr2 --param ip=192.0.2.7',
      )
      .argument('<sid>')
      .argument('[command...]', 'after --: the program and its arguments, run without a shell'),
  )
    .option('--adopt <node>', 'of vm: take over what that node has, running or not')
    .option('--domain <name>', 'with --adopt: its name there, if it is not that of the service')
    .action(
      withPlane<AddFlags>((session, [sid = '', ...command], flags) =>
        add(session, sid, command, flags),
      ),
    )

  configures(
    program
      .command('set')
      .description('change the configuration of a service')
      .argument('<sid>')
      .argument('[command...]', 'after --: the new program and its arguments'),
  )
    .option('--delete <keys>', `back to the default: ${forgettable.join(', ')}`)
    .option('--digest <version>', 'refuse if the configuration is not this version any more')
    .action(
      withPlane<SetFlags>((session, [sid = '', ...command], flags) =>
        set(session, sid, command, flags),
      ),
    )
}

async function add(
  session: Session,
  sid: string,
  command: string[],
  flags: AddFlags,
): Promise<void> {
  // What is wrong with the words themselves is said before any plane is asked.
  checkAdoption(flags, command)
  const { adopt } = flags
  const wishes = { sid, ...serviceWishes(flags, null) }
  const adopted =
    adopt === undefined
      ? null
      : await takeOver(session, sid, { ...flags, adopt }, specWishes(flags, {}))
  const spec = adopted?.spec ?? newSpec(sid, command, flags)
  const body = { ...wishes, ...adopted?.wishes, spec }
  const answer = await session.plane.post(await session.path('/services'), {
    body,
    query: { dryRun: session.dryRun || undefined },
  })
  const told = adopted === null ? [] : formatAdopted(adopted, flags.state)
  session.print(answer, () => [explain(session, answer, `${sid} added`), ...told].join('\n'))
}

function newSpec(sid: string, command: string[], flags: ServiceFlags): Spec {
  const spec = specWishes(flags, {})
  if (command.length > 0) return { command, ...spec }
  if (flags.spec !== undefined || (sid.includes(':') && !sid.startsWith('process:'))) return spec
  throw usage(`what should ${sid} run?`, {
    advice: `ha-manager add ${sid} -- /path/to/program ARGUMENTS`,
  })
}

async function set(
  session: Session,
  sid: string,
  command: string[],
  flags: SetFlags,
): Promise<void> {
  const path = await session.path(`/services/${segment(sid)}`)
  const current = await session.plane.get<ServiceConfigBody>(path)
  const body = serviceWishes(flags, current.figures)
  const spec = specWishes(flags, current.spec as Spec)
  if (command.length > 0) spec['command'] = command
  for (const key of flags.delete?.split(',') ?? []) forget(key.trim(), body, spec)
  if (JSON.stringify(spec) !== JSON.stringify(current.spec)) body.spec = spec
  if (Object.keys(body).length === 0)
    throw usage('nothing to change was given', {
      advice: 'ha-manager set --help lists the options.',
    })
  const answer = await session.plane.patch(path, {
    body,
    ifMatch:
      flags.digest === undefined ? current.version : parseWholeNumber(flags.digest, '--digest'),
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () => explain(session, answer, `${sid} changed`))
}
