// The operations on a service: enable, disable, start, stop, restart, migrate, relocate, and the reference's
// crm-command spellings of them. Each is a command of the plane that can be waited for.
import type { Command } from 'commander'
import type { CommandBody, Status } from '../../../shared/operator-api.ts'
import { formatMoment, parseDurationMs, parseMoment } from '../duration.ts'
import { refused, usage } from '../failure.ts'
import { explain } from '../outcome-text.ts'
import { segment, type Session, withPlane } from '../session.ts'
import { setMaintenance } from './status.ts'

type Waiting = { wait?: string | true }
type Stopping = Waiting & { timeout?: string }
type Moving = Waiting & { at?: string }

const operations = {
  enable: 'keep a service running, on some node',
  disable: 'stop a service and forget its errors',
  start: 'the same as enable',
  restart: 'stop a service and start it again on the same node',
} as const

/** Adds every operation. */
export function addOperations(program: Command): void {
  for (const [name, description] of Object.entries(operations))
    waits(program.command(name).description(description).argument('<sid>')).action(
      withPlane<Waiting>((session, [sid = ''], options) =>
        operate(session, sid, name, undefined, options),
      ),
    )

  waits(
    program.command('stop').description('stop a service, and keep it stopped').argument('<sid>'),
  )
    .option('--timeout <duration>', 'how long it may take before it is killed; 0 kills it at once')
    .action(
      withPlane<Stopping>((session, [sid = ''], options) =>
        stop(session, sid, options.timeout, options),
      ),
    )

  for (const [name, description] of [
    [
      'migrate',
      'move a service live where its driver can, otherwise stop it here and start it there',
    ],
    ['relocate', 'stop a service here and start it on another node'],
  ] as const) {
    const command = waits(
      program.command(name).description(description).argument('<sid>').argument('<node>'),
    )
    if (name === 'relocate')
      command.option('--at <time>', 'not now but at 14:30, in +30m, or at 2030-01-31T02:00')
    command.action(
      withPlane<Moving>((session, [sid = '', node = ''], options) =>
        move(session, name, sid, node, options),
      ),
    )
  }
  addCrmCommand(program)
}

function waits(command: Command): Command {
  return command.option(
    '--wait [duration]',
    'wait until it is done; an end with an error says why (default 120s)',
  )
}

/** The reference's spellings. */
function addCrmCommand(program: Command): void {
  const crm = program
    .command('crm-command')
    .description("the reference's spellings: migrate, relocate, stop, node-maintenance")
  for (const name of ['migrate', 'relocate'] as const)
    waits(crm.command(name).argument('<sid>').argument('<node>')).action(
      withPlane<Moving>((session, [sid = '', node = ''], options) =>
        move(session, name, sid, node, options),
      ),
    )
  waits(crm.command('stop').argument('<sid>').argument('<timeout>', 'in seconds')).action(
    withPlane<Waiting>((session, [sid = '', timeout], options) =>
      stop(session, sid, timeout, options),
    ),
  )
  crm
    .command('node-maintenance')
    .addArgument(program.createArgument('<enable|disable>').choices(['enable', 'disable']))
    .argument('<node>')
    .action(
      withPlane((session, [wish, node = '']) => setMaintenance(session, node, wish === 'enable')),
    )
}

async function stop(
  session: Session,
  sid: string,
  timeout: string | undefined,
  options: Waiting,
): Promise<void> {
  const body = timeout === undefined ? {} : { timeoutMs: parseDurationMs(timeout, 'timeout') }
  await operate(session, sid, 'stop', body, options)
}

async function move(
  session: Session,
  kind: 'migrate' | 'relocate',
  sid: string,
  node: string,
  options: Moving,
): Promise<void> {
  if (options.at === undefined) return operate(session, sid, kind, { node }, options)
  if (options.wait !== undefined) throw usage('--at and --wait do not go together')
  const at = parseMoment(options.at)
  const answer = await session.plane.post(await session.path(`/services/${segment(sid)}/${kind}`), {
    body: { node, at },
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () =>
    explain(session, answer, `${sid} will be moved to ${node} at ${formatMoment(at)}`),
  )
}

/** How long one request may be held by the plane. */
const longestHoldS = 30

async function operate(
  session: Session,
  sid: string,
  kind: string,
  body: unknown,
  options: Waiting,
): Promise<void> {
  const waitMs =
    options.wait === undefined
      ? 0
      : parseDurationMs(options.wait === true ? '120' : options.wait, '--wait')
  const deadline = performance.now() + waitMs
  const path = await session.path(`/services/${segment(sid)}/${kind}`)
  const holdS = session.dryRun ? 0 : Math.min(longestHoldS, Math.ceil(waitMs / 1_000))
  let command = await session.plane.post<CommandBody>(path, {
    ...(body === undefined ? {} : { body }),
    query: { dryRun: session.dryRun || undefined, wait: holdS || undefined },
    timeoutMs: 15_000 + holdS * 1_000,
  })
  if (session.dryRun) return session.print(command, () => explain(session, command, ''))
  while (isOpen(command) && performance.now() < deadline) {
    const left = Math.min(longestHoldS, Math.ceil((deadline - performance.now()) / 1_000))
    command = await session.plane.get<CommandBody>(
      await session.path(`/commands/${segment(command.uid)}`),
      {
        query: { wait: left },
        timeoutMs: 15_000 + left * 1_000,
      },
    )
  }
  if (command.status === 'failed' || command.status === 'refused') throw failed(sid, kind, command)
  if (waitMs > 0 && isOpen(command)) throw await unfinished(session, sid, kind, command)
  session.print(command, () => sentence(sid, command))
}

function isOpen(command: CommandBody): boolean {
  return command.status === 'pending' || command.status === 'running'
}

function sentence(sid: string, command: CommandBody): string {
  const what = `${command.kind} ${sid}${command.node ? ` ${command.node}` : ''}`
  if (command.status === 'done')
    return `${what}: done${command.reason ? ` (${command.reason})` : ''}`
  return `${what}: accepted as ${command.uid} (${command.status})`
}

function failed(sid: string, kind: string, command: CommandBody) {
  return refused(
    `${kind} ${sid} ${command.status === 'failed' ? 'failed' : 'was refused'}: ${command.reason || 'no reason given'}`,
    {
      code: `command-${command.status}`,
      advice: `ha-manager why ${sid} tells the story.`,
    },
  )
}

/** A wait that ran out names what the service still waits for. */
async function unfinished(session: Session, sid: string, kind: string, command: CommandBody) {
  const status = await session.plane.get<Status>(await session.path('/status'))
  const note = status.services.find((service) => service.sid === sid)?.note
  return refused(`${kind} ${sid} is not finished yet${note ? `: ${note}` : ''}`, {
    code: 'wait-over',
    advice: `It goes on as command ${command.uid}; ha-manager commands shows how it ends.`,
  })
}
