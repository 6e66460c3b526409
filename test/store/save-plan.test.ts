// A plan is saved whole or not at all, and never over something that changed since its view was read.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Change } from '../../control-plane/cluster/change.ts'
import { type LoadedView, load } from '../../control-plane/store/load-view.ts'
import { saveLeaseChanges } from '../../control-plane/store/save-lease-changes.ts'
import { StalePlan } from '../../control-plane/store/stale-plan.ts'
import { testDatabase } from '../database.ts'
import {
  leaseRow,
  makeCluster,
  makeNode,
  makeRenewals,
  openGrant,
  request,
  type TestCluster,
  type TestNode,
} from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'plans')
})

const view = async () => ((await load(database.sql, cluster.id)) as LoadedView).view

const save = async (changes: Change[]) => {
  const seen = await view()
  await database.sql.begin(async (tx) => {
    await saveLeaseChanges(tx, seen, changes)
  })
}

const revoked = (node: TestNode, mode: 'expired' | 'asked' = 'expired'): Change => ({
  kind: 'lease.revoked',
  node: node.name,
  epoch: 1,
  mode,
  why: 'test',
})

async function renew(node: TestNode, seq: number, more: object = {}) {
  const renewals = makeRenewals(database.url)
  await renewals.renew({ clusterId: cluster.id, request: request(cluster, node, seq, more) })
  await renewals.close()
}

describe('a revocation', () => {
  test('at the deadline loses against a renewal that came in after the view was read (M1)', async () => {
    const node = await makeNode(database.sql, cluster, 'late')
    await view()
    await renew(node, 1)
    await expect(save([revoked(node)])).rejects.toThrow(StalePlan)
    expect(await leaseRow(database.sql, node)).toMatchObject({ epoch: 1, boot_id: node.bootId })
  })

  test('counts from the deadline it returned itself, not from the one in the view (M1)', async () => {
    const node = await makeNode(database.sql, cluster, 'fresh')
    const seen = await view()
    await renew(node, 1)
    await database.sql.begin((tx) => saveLeaseChanges(tx, seen, [revoked(node, 'asked')]))
    const [row] = await database.sql`
      select epoch_ms(lease_until) as until, boot_id from revocation where node_uid = ${node.uid}`
    expect(row?.until).toBeGreaterThan((seen.nodes.fresh?.lease.leaseUntilMs ?? 0) + 50_000)
    expect(row?.boot_id).toBe(node.bootId)
  })

  test('happens once: of two plans for one epoch the second is thrown away', async () => {
    const node = await makeNode(database.sql, cluster, 'twice')
    await save([revoked(node, 'asked')])
    await expect(save([revoked(node, 'asked')])).rejects.toThrow(StalePlan)
  })
})

describe('evidence that a watchdog has reset its machine', () => {
  test('is thrown away when a renewal came in between the view and the revocation (M1)', async () => {
    const node = await makeNode(database.sql, cluster, 'outrun')
    const seen = await view()
    const { leaseUntilMs } = seen.nodes.outrun!.lease
    await renew(node, 1)
    const proof: Change = {
      ...{ kind: 'evidence.recorded', evidence: 'watchdog-deadline', node: node.name, epoch: 1 },
      ...{ scope: null, facts: { leaseUntilMs }, why: 'test' },
    }
    const plan = [revoked(node, 'asked'), proof]
    const saved = database.sql.begin((tx) => saveLeaseChanges(tx, seen, plan))
    await expect(saved).rejects.toThrow(StalePlan)
  })
})

/** A request for an epoch, as the route leaves it; by default from the hardware that joined. */
const ask = (uid: string, bootId: string, hardwareId: string | null = null) => database.sql`
  insert into epoch_request (node_uid, cluster_id, boot_id, hardware_id, plane_epoch, nonce, found,
    facts, sent_ms, requested_at)
  select uid, cluster_id, ${bootId}, coalesce(${hardwareId}::text, hardware_id), 1, 'q', '[]',
    jsonb_build_object('drivers', drivers, 'capacity', capacity, 'watchdog', watchdog, 'virtual',
    virtual, 'agentVersion', ''), 1, clock_timestamp() from node where uid = ${uid}`

describe('evidence that a start was never confirmed', () => {
  test('is refused when the confirm was committed after the view was read (S14)', async () => {
    const node = await makeNode(database.sql, cluster, 'confirmed')
    const scope = { sid: 'process:x', generation: 77 }
    await openGrant(database.sql, cluster, node, scope.sid, scope.generation)
    const seen = await view()
    await renew(node, 1, { armed: true, confirms: [scope] })
    const evidence: Change = {
      kind: 'evidence.recorded',
      evidence: 'never-confirmed',
      node: node.name,
      epoch: 1,
      scope,
      facts: {},
      why: 'test',
    }
    const saving = database.sql.begin(async (tx) => {
      await saveLeaseChanges(tx, seen, [revoked(node, 'asked')])
      await saveLeaseChanges(tx, seen, [evidence])
    })
    await expect(saving).rejects.toThrow(StalePlan)
    const open = await database.sql`
      select from run_grant where sid = 'process:x' and closed_at is null`
    expect(open).toHaveLength(1)
    expect(await leaseRow(database.sql, node)).toMatchObject({ epoch: 1 })
  })
})

describe('an opened epoch', () => {
  test('adopts what it says, and nothing is left under the old one; only for the boot that asks for it (S3)', async () => {
    const node = await makeNode(database.sql, cluster, 'adopting')
    const scope = { sid: 'process:y', generation: 78 }
    await openGrant(database.sql, cluster, node, scope.sid, scope.generation)
    const opened = (adopts: (typeof scope)[]): Change => ({
      kind: 'lease.opened',
      node: node.name,
      epoch: 2,
      bootId: node.bootId,
      adopts,
      why: 'test',
    })
    await save([revoked(node, 'asked')])
    await expect(save([opened([scope])])).rejects.toThrow(StalePlan)
    await ask(node.uid, node.bootId)
    await expect(save([opened([])])).rejects.toThrow('grants of older ones are open')
    await save([opened([scope])])
    const [holder] = await database.sql`
      select epoch::int from run_grant_holder where sid = 'process:y'`
    expect(holder?.epoch).toBe(2)
  })
})

describe('a grant of a lost history', () => {
  test('is adopted with its own number, as started, and is known from then on (rule 9)', async () => {
    const node = await makeNode(database.sql, cluster, 'lost')
    await renew(node, 1)
    await database.sql`
      insert into service (cluster_id, sid, requested, spec)
      values (${cluster.id}, 'process:lost', 'started', '{}')`
    const adopted: Change = {
      kind: 'grant.adopted',
      sid: 'process:lost',
      generation: 4711,
      node: node.name,
      epoch: 1,
      why: 'test',
    }
    expect((await view()).services['process:lost']?.lastGeneration).toBeNull()
    await save([adopted])
    expect((await view()).services['process:lost']).toMatchObject({
      everGranted: true,
      lastGeneration: 4711,
      grant: { generation: 4711, holders: [{ node: 'lost', epoch: 1, confirmed: true }] },
    })
    await expect(save([adopted])).rejects.toThrow('run_grant')
  })
})

test('a lease that is given to other hardware makes that the hardware of the node: the machine it replaced is another from then on (S9a)', async () => {
  const node = await makeNode(database.sql, cluster, 'spare')
  await save([revoked(node, 'asked')])
  await ask(node.uid, 'boot-of-spare', 'hw-of-spare')
  expect((await view()).nodes.spare!.epochRequest!.sameHardware).toBe(false)
  const opened = { kind: 'lease.opened', node: 'spare', epoch: 2, bootId: 'boot-of-spare' } as const
  await save([{ ...opened, adopts: [], why: 'test' }])
  await ask(node.uid, 'boot-of-old', 'hw-spare')
  expect((await view()).nodes.spare!.epochRequest!.sameHardware).toBe(false)
})
