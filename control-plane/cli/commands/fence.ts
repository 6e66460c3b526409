// fence confirm: a person vouches that a machine is dead.
import type { Command } from 'commander'
import { confirmName, fenceWarning } from '../confirm-name.ts'
import { explain } from '../outcome-text.ts'
import { segment, withPlane } from '../session.ts'

/** Adds fence confirm. */
export function addFence(program: Command): void {
  program
    .command('fence')
    .description('evidence that a node is dead')
    .command('confirm')
    .description('vouch that a silent node is dead, so that its services may start elsewhere')
    .argument('<node>')
    .option('--type <node>', "the node's name again, instead of typing it when asked")
    .option('--force', 'also before its fence deadline')
    .action(
      withPlane<{ type?: string; force?: boolean }>(async (session, [node = ''], flags) => {
        const typedName = await confirmName(node, fenceWarning(node), flags.type)
        const answer = await session.plane.post(
          await session.path(`/nodes/${segment(node)}/fence-confirm`),
          {
            body: { typedName, force: flags.force ?? false },
            query: { dryRun: session.dryRun || undefined },
          },
        )
        session.print(answer, () =>
          explain(
            session,
            answer,
            `${node} is confirmed dead; its services are recovered (ha-manager status shows how far)`,
          ),
        )
      }),
    )
}
