// ha-manager drill: let a node's watchdog fire. ha-manager disarm and arm: leave every service as it is and let go of the watchdogs, or protect them again.
import type { Command } from 'commander'
import { operateCluster, type Waiting } from '../operation.ts'
import { segment, withPlane } from '../session.ts'
import { waits } from '../waits.ts'

/** Adds the drill of a watchdog. */
export function addDrill(program: Command): void {
  waits(program.command('drill'))
    .description(
      'empty a node and let its watchdog reset it, to see that it does; then it is used again',
    )
    .argument('<node>')
    .action(
      withPlane<Waiting>((session, [name = ''], options) => {
        const path = `/nodes/${segment(name)}/drill`
        return operateCluster(session, `drill of ${name}`, path, undefined, options, name)
      }),
    )
}

/** Adds both, under the names given. */
export function addArming(parent: Command, disarm: string, arm: string): void {
  waits(parent.command(disarm))
    .description('protect nothing until armed again: services are frozen, or not managed (ignore)')
    .addArgument(parent.createArgument('<freeze|ignore>').choices(['freeze', 'ignore']))
    .action(
      withPlane<Waiting>((session, [mode], options) =>
        operateCluster(session, `disarm in mode ${mode}`, '/disarm', { mode }, options),
      ),
    )
  waits(parent.command(arm))
    .description('protect the services again; after ignore every node is asked what it runs')
    .action(
      withPlane<Waiting>((session, _, options) =>
        operateCluster(session, 'arm', '/arm', undefined, options),
      ),
    )
}
