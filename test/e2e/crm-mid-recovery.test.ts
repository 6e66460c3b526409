// A CRM that dies or hangs with a recovery half written: revocation and evidence stand in its transaction, the grant is not
// closed yet. All of it is undone, and another replica carries the recovery out, once. Takeover times are printed.
import { expect, test } from 'vitest'
import { replicaInsideRound } from './inside-round.ts'
import type { ReplicaProcess } from './replica-process.ts'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

const site = testSite({ nodes: 3, replicas: 2 })

type Written = { revocations: number; evidence: number; open: number; generation: number }

/** What is committed about a service and the node it was lost with. */
async function written(sid: string, lost: string): Promise<Written> {
  const [row] = await site.sql<Written[]>`
    with n as (select uid from node where name = ${lost})
    select (select count(*)::int from revocation where node_uid = n.uid) as revocations,
      (select count(*)::int from evidence e where e.node_uid = n.uid and e.scope = 'node') as evidence,
      (select count(*)::int from run_grant where sid = ${sid} and closed_at is null) as open,
      (select max(generation)::int from run_grant where sid = ${sid}) as generation
    from n`
  return row as Written
}

/** Gives `signal` to the CRM while the round that recovers `sid` waits to close its grant; returns it, and when. */
async function faultMidRecovery(sid: string, signal: 'SIGKILL' | 'SIGSTOP') {
  return site.sql.begin(async (tx) => {
    await tx`select from run_grant_holder where sid = ${sid} and closed_at is null for update`
    const victim = await replicaInsideRound(site.sql, site.replicas)
    victim.signal(signal)
    return { victim, atMs: performance.now() }
  }) as Promise<{ victim: ReplicaProcess; atMs: number }>
}

test.each([
  ['SIGKILL', 'is killed', 'a'],
  ['SIGSTOP', 'hangs', 'b'],
] as const)(
  '%s: a CRM that %s with a recovery half written has written nothing, and another one recovers once',
  async (signal, _, name) => {
    const sid = await site.addService(name)
    const { node, generation } = await site.running(sid)
    const lost = node as string
    const before = await written(sid, lost)
    await site.node(lost).flip('power-off')
    const { victim, atMs } = await faultMidRecovery(sid, signal)
    expect(await written(sid, lost)).toEqual(before)
    await waitFor(async () => (await written(sid, lost)).evidence > before.evidence, {
      what: 'another replica to recover it',
      everyMs: 5,
    })
    console.log(
      `${signal} mid-recovery: recovered after ${Math.round(performance.now() - atMs)} ms`,
    )
    await site.running(sid, (other) => other !== lost)
    // What a hung one was about to do when it goes on is refused by number.
    if (signal === 'SIGSTOP') victim.signal('SIGCONT')
    else await victim.end('SIGKILL', 1_000)
    if (signal === 'SIGSTOP') await victim.ready()
    else await site.startReplica(site.replicas.indexOf(victim))
    await site.node(lost).flip('power-on')
    await site.operator.until('every node to be online', ({ nodes }) =>
      nodes.every((each) => each.state === 'online'),
    )
    expect(await written(sid, lost)).toEqual({
      revocations: before.revocations + 1,
      evidence: before.evidence + 1,
      open: 1,
      generation: expect.any(Number),
    })
    expect((await site.operator.service(sid)).generation).toBeGreaterThan(generation as number)
    expect(site.witness(sid).runs).toHaveLength(2)
  },
)
