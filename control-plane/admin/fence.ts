// fence confirm: a person vouches that a machine is dead, while no plane is there to ask. The same checks and the same
// statements as behind the API; a plane that runs after all finds the evidence at its next round.
import type { Command } from 'commander'
import { confirmName, fenceWarning } from '../cli/confirm-name.ts'
import { refused } from '../cli/failure.ts'
import { confirmDead, type FenceConfirmed } from '../fence/operator-confirm.ts'
import { refuseFenceConfirm } from '../intake/node-wish.ts'
import { isRefusal, type Refusal } from '../intake/refusal.ts'
import { loadView } from '../store/load-view.ts'
import { type Admin, adminActor, recordAdminAudit, withAdmin } from './action.ts'

type Flags = { type?: string; force?: boolean }

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
    .action(withAdmin<Flags>((admin, [node = ''], flags) => confirm(admin, node, flags)))
}

async function confirm(admin: Admin, node: string, flags: Flags): Promise<void> {
  const cluster = await admin.cluster()
  const typedName = await confirmName(node, fenceWarning(node), flags.type)
  const force = flags.force ?? false
  // A refusal is thrown inside the transaction, so that nothing of it stays.
  const confirmed = await admin.sql.begin(async (tx) => {
    // The lock under which the API's writes to a cluster are made, too.
    await tx`select from cluster where id = ${cluster.id} for no key update`
    const view = await loadView(tx, cluster.id)
    if (!view) throw refused(`cluster ${cluster.name} cannot be loaded`, { code: 'not-loadable' })
    stopAt(refuseFenceConfirm(view, node, { typedName, force }))
    const { silentMs } = view.settings.timing
    const wish = { clusterId: cluster.id, node, actor: adminActor(), force, silentMs }
    const result = await confirmDead(tx, wish)
    if (isRefusal(result)) throw failureOf(result)
    await recordAdminAudit(tx, cluster.id, 'fence confirm', { node, force, epochs: result.epochs })
    await tx`select pg_notify('holdfast_crm', ${String(cluster.id)})`
    return result
  })
  admin.print(confirmed, () => sentence(confirmed))
}

function stopAt(refusal: Refusal | null): void {
  if (refusal) throw failureOf(refusal)
}

function failureOf({ code, sentence: text, errors }: Refusal) {
  return refused(text, { code, ...(errors ? { fields: errors } : {}) })
}

function sentence({ node, closed }: FenceConfirmed): string {
  const what = closed.map(({ sid }) => sid).join(', ') || 'nothing'
  return `${node} is confirmed dead; it held ${what}. A plane places that anew at its next round.`
}
