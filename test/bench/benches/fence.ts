// A node falls silent; its services start elsewhere. Measured from the fence deadline that the revocation recorded to the
// moment in which the agent of another node has parsed a desired state that starts the service there.
// Agents speak the protocol from within this process: what is measured is the plane. One host, so one wall clock.
import { createJoinToken } from '../../../control-plane/store/bootstrap.ts'
import type { Timing } from '../../../shared/timing.ts'
import { waitFor } from '../../e2e/wait.ts'
import { Bed } from '../bed/bed.ts'
import { type OrderSeen, ProtocolAgent } from '../bed/protocol-agent.ts'
import type { Bench } from '../main.ts'
import { atMost, type Measured } from '../figure.ts'

/** As short as the relations between them allow, with room for a busy machine. */
const timing: Timing = {
  watchdogMs: 150,
  renewMs: 100,
  requestTimeoutMs: 300,
  leaseMs: 1_000,
  marginMs: 50,
  silentMs: 500,
  settleMs: 500,
  stopTimeoutMs: 3_000,
  stableMs: 1_000,
}
const sid = 'process:a'

export const fenceBench: Bench = async (server, quick) => {
  const bed = await Bed.make(server, 'fence')
  const agents: ProtocolAgent[] = []
  try {
    const cluster = await bed.cluster('fence', timing)
    const { url } = await bed.replica('replica')
    for (const name of ['n1', 'n2', 'n3']) {
      const agent = new ProtocolAgent({ ...timing, name, url })
      const token = { clusterId: cluster.id, uses: 1, ttlSeconds: 60, createdBy: 'bench' }
      await agent.join((await createJoinToken(bed.sql, token)).secret)
      await agent.boot()
      agents.push(agent)
    }
    await bed.sql`
      insert into service (cluster_id, sid, requested, spec, max_restart, max_relocate)
      values (${cluster.id}, ${sid}, 'started', '{"command": ["true"], "environment": {}}', 1, 1)`
    await bed.sql`select pg_notify('holdfast_crm', ${String(cluster.id)})`
    const trials: Trial[] = []
    for (let run = 0; run < (quick ? 5 : 25); run++) trials.push(await loseOne(bed, agents))
    return figures(trials)
  } finally {
    for (const agent of agents) await agent.end().catch(() => {})
    await bed.end()
  }
}

type Trial = { orderMs: number; revokedMs: number }

function figures(trials: Trial[]): Measured[] {
  return [
    {
      what: 'deadline → order at the new agent',
      unit: 'ms',
      samples: trials.map(({ orderMs }) => orderMs),
      targets: [atMost('p99', 250)],
      note: 'agents in this process, one service; the lease is 1 s',
    },
    {
      what: 'of that: deadline → revoked',
      unit: 'ms',
      samples: trials.map(({ revokedMs }) => revokedMs),
    },
  ]
}

/** The agent that runs the service goes silent; afterwards it boots again. */
async function loseOne(bed: Bed, agents: ProtocolAgent[]): Promise<Trial> {
  const lost = await waitFor(() => agents.find(({ running }) => running.length > 0), {
    what: 'the service to run somewhere',
  })
  const lostGeneration = lost.running[0]?.generation ?? 0
  await waitFor(() => isStarted(bed), { what: 'the plane to know that it runs' })
  const ordered = new Promise<OrderSeen>((resolve) => {
    for (const agent of agents)
      agent.onOrder = (order) => {
        if (agent !== lost && order.generation > lostGeneration) resolve(order)
      }
  })
  await lost.silence()
  const order = await ordered
  const [revocation] = await bed.sql<{ until: number; revoked: number }[]>`
    select epoch_ms(v.lease_until) as until, epoch_ms(v.revoked_at) as revoked
    from revocation v join node n on n.uid = v.node_uid
    where n.name = ${lost.name} order by v.epoch desc limit 1`
  if (!revocation) throw new Error(`${lost.name} was not revoked`)
  await lost.boot()
  return {
    orderMs: order.atWallMs - revocation.until,
    revokedMs: revocation.revoked - revocation.until,
  }
}

async function isStarted(bed: Bed): Promise<boolean> {
  const [row] = await bed.sql<{ ok: boolean }[]>`
    select s.state = 'started' and (s.record->>'running')::boolean
      and not exists (select from node_status where state <> 'online') as ok
    from service_status s where s.sid = ${sid}`
  return row?.ok ?? false
}
