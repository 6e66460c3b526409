// ha-manager status, nodes, node maintenance, node remove.
import type { Command } from 'commander'
import type { Status } from '../../../shared/operator-api.ts'
import { parseDurationMs } from '../duration.ts'
import { operateCluster, type Waiting } from '../operation.ts'
import { waits } from '../waits.ts'
import { printOut, segment, type Session, withPlane } from '../session.ts'
import { explain } from '../outcome-text.ts'

type Cluster = { name: string; development: boolean; nodes: number; services: number }

/** Adds the commands that show the cluster and its nodes. */
export function addStatus(program: Command): void {
  program
    .command('status')
    .description('quorum, CRM, nodes with lease countdown, services and what they wait for')
    .option('--watch', 'keep showing it until Ctrl-C')
    .option('--interval <duration>', 'how often with --watch', '1s')
    .option('--lines', "the reference's format: one line per entry")
    .option('--verbose', 'also how late agents are, the last drills, and how last lives ended')
    .action(
      withPlane<{ watch?: boolean; interval: string; lines?: boolean; verbose?: boolean }>(
        async (session, _, options) => {
          if (options.watch)
            return watch(
              session,
              options.lines ?? false,
              parseDurationMs(options.interval, '--interval'),
            )
          const status = await readStatus(session)
          const text = await import('../status-text.ts')
          session.print(status, () =>
            options.lines
              ? text.formatStatusLines(status)
              : text.formatStatus(status, options.verbose),
          )
        },
      ),
    )

  program
    .command('nodes')
    .description('the nodes of the cluster')
    .action(
      withPlane(async (session) => {
        const { nodes } = await readStatus(session)
        const { nodeColumns } = await import('../status-text.ts')
        const { formatTable } = await import('../table.ts')
        session.print(nodes, () => formatTable(nodes, nodeColumns))
      }),
    )

  program
    .command('clusters')
    .description('the clusters that the token reaches')
    .action(
      withPlane(async (session) => {
        const clusters = await session.plane.get<Cluster[]>('/clusters')
        const { formatTable } = await import('../table.ts')
        session.print(clusters, () =>
          formatTable(clusters, [
            { title: 'CLUSTER', value: (one) => one.name },
            { title: 'NODES', value: (one) => String(one.nodes), align: 'right' },
            { title: 'SERVICES', value: (one) => String(one.services), align: 'right' },
            {
              title: 'DEVELOPMENT',
              value: (one) => (one.development ? 'yes' : ''),
              optional: true,
            },
          ]),
        )
      }),
    )

  addNode(program)
}

function addNode(program: Command): void {
  const node = program
    .command('node')
    .description('maintenance, and removal of a node that is gone for good')
  waits(node.command('maintenance'))
    .description(
      'move the services of a node away and keep it empty (on), or give it services again (off)',
    )
    .argument('<node>')
    .addArgument(program.createArgument('<on|off>').choices(['on', 'off']))
    .action(
      withPlane<Waiting>((session, [name = '', wish], options) =>
        setMaintenance(session, name, wish === 'on', options),
      ),
    )
  node
    .command('remove')
    .description('forget a node on which nothing can run any more')
    .argument('<node>')
    .action(
      withPlane(async (session, [name = '']) => {
        const answer = await session.plane.delete(await session.path(`/nodes/${segment(name)}`), {
          query: { dryRun: session.dryRun || undefined },
        })
        session.print(answer, () => explain(session, answer, `node ${name} removed`))
      }),
    )
}

export async function readStatus(session: Session): Promise<Status> {
  return session.plane.get<Status>(await session.path('/status'))
}

/** Also the reference's `crm-command node-maintenance`. */
export async function setMaintenance(
  session: Session,
  name: string,
  enabled: boolean,
  options: Waiting,
): Promise<void> {
  const what = `maintenance of node ${name} ${enabled ? 'on' : 'off'}`
  const path = `/nodes/${segment(name)}/maintenance`
  await operateCluster(session, what, path, { enabled }, options, name)
}

/** Redraws in place on a terminal; prints one status after the other elsewhere. Rides out a plane that is away. */
async function watch(session: Session, lines: boolean, intervalMs: number): Promise<void> {
  const text = await import('../status-text.ts')
  const { setTimeout } = await import('node:timers/promises')
  const { mayPass } = await import('../failure.ts')
  const { visible } = await import('../visible.ts')
  const terminal = process.stdout.isTTY && !session.json
  for (;;) {
    let shown: string
    try {
      const status = await readStatus(session)
      if (session.json) shown = JSON.stringify(status)
      else shown = visible(lines ? text.formatStatusLines(status) : text.formatStatus(status))
    } catch (cause) {
      if (!mayPass(cause)) throw cause
      shown = session.json ? '' : `no answer: ${(cause as Error).message}`
    }
    // Home, the text with each line cleared to its end, then everything below: no flicker.
    printOut(terminal ? `\x1b[H${shown.replaceAll('\n', '\x1b[K\n')}\x1b[K\x1b[J` : shown)
    await setTimeout(Math.max(100, intervalMs))
  }
}
