// The operations on a service: enable, disable, start, stop, restart, migrate, relocate, and the reference's
// crm-command spellings of them. Each is a command of the plane that can be waited for.
import type { Command } from 'commander'
import { formatMoment, parseDurationMs, parseMoment } from '../duration.ts'
import { usage } from '../failure.ts'
import { operate, type Waiting } from '../operation.ts'
import { explain } from '../outcome-text.ts'
import { segment, type Session, withPlane } from '../session.ts'
import { waits } from '../waits.ts'
import { addArming, addDrill } from './arming.ts'
import { setMaintenance } from './status.ts'

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
  waits(
    program
      .command('remove')
      .description('end the management of a service; what it holds is given back first')
      .argument('<sid>')
      .option('--purge <yes|no>', 'take it out of the rules, too (usual)'),
  ).action(
    withPlane<Waiting>((session, [sid = ''], options) =>
      operate(session, sid, 'remove', undefined, options),
    ),
  )
  addArming(program, 'disarm', 'arm')
  addDrill(program)
  addCrmCommand(program)
}

/** The reference's spellings. */
function addCrmCommand(program: Command): void {
  const crm = program
    .command('crm-command')
    .description(
      "the reference's spellings: migrate, relocate, stop, node-maintenance, disarm-ha, arm-ha",
    )
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
  waits(crm.command('node-maintenance'))
    .addArgument(program.createArgument('<enable|disable>').choices(['enable', 'disable']))
    .argument('<node>')
    .action(
      withPlane<Waiting>((session, [wish, node = ''], options) =>
        setMaintenance(session, node, wish === 'enable', options),
      ),
    )
  addArming(crm, 'disarm-ha', 'arm-ha')
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
