// Histories that are cut, machines that are exchanged, rows that are held: schedules on real Postgres, by the guarantee
// that each of them once broke.
import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { changePlaneEpoch } from '../../control-plane/crm/plane-epoch.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { confirmDead } from '../../control-plane/fence/operator-confirm.ts'
import { type Refusal, whyNot } from '../../control-plane/lease/why-not.ts'
import { type LoadedView, load, loadView } from '../../control-plane/store/load-view.ts'
import { requestEpoch } from '../../control-plane/store/nodes.ts'
import type { EpochRequest } from '../../shared/protocol.ts'
import { testDatabase } from '../database.ts'
import {
  leaseRow,
  makeCluster,
  makeNode,
  makeRenewals,
  openGrant,
  request,
} from '../lease/fleet.ts'
import type { TestCluster, TestNode } from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let n1: TestNode
let n2: TestNode
let counter = 0

beforeEach(async () => {
  counter += 1
  cluster = await makeCluster(database.sql, `broken-${counter}`)
  n1 = await makeNode(database.sql, cluster, 'n1')
  n2 = await makeNode(database.sql, cluster, 'n2')
})

const web = 'process:web'

/** A request for an epoch by n1, as its agent would send it. */
const hello = (more: Partial<EpochRequest> = {}): EpochRequest => ({
  clusterUuid: cluster.uuid,
  nodeUid: n1.uid,
  bootId: n1.bootId,
  hardwareId: 'hw-n1',
  sentMs: 1,
  planeEpoch: null,
  nonce: null,
  found: [],
  capacity: { cpus: 2, memoryBytes: 1e9 },
  watchdog: { class: 'qualified', identity: 'iTCO', effectiveMs: 10_000 },
  virtual: false,
  drivers: ['process'],
  agentVersion: 'test',
  ...more,
})
const loaded = async () => (await load(database.sql, cluster.id)) as LoadedView
const newPlaneEpoch = async (uuid: string) => {
  const view = await loaded()
  return database.sql.begin((tx) => changePlaneEpoch(tx, view, uuid))
}

describe('protection', () => {
  test('a node that returned from a planned restart, and armed again, is protected', async () => {
    await openGrant(database.sql, cluster, n1, web, 1)
    // The release and the adoption: epoch 2, the holder confirmed under epoch 1 goes over to it.
    await database.sql`update run_grant_holder set confirmed_at = clock_timestamp()`
    await database.sql`update lease set epoch = 2, boot_id = null where node_uid = ${n1.uid}`
    await database.sql`update run_grant_holder set epoch = 2 where node_uid = ${n1.uid}`
    await database.sql`
      update lease set boot_id = ${n1.bootId}, guarded = null, seq = 0 where node_uid = ${n1.uid}`
    const renewals = makeRenewals(database.url)
    const ask = (seq: number, more: object) =>
      renewals.renew({
        clusterId: cluster.id,
        request: request(cluster, n1, seq, { epoch: 2, ...more }),
      })
    // Control: the same epoch without the unarmed renewal is protected.
    await ask(1, { armed: true, confirms: [{ sid: web, generation: 1 }] })
    expect((await leaseRow(database.sql, n1)).guarded).toBe(true)
    await database.sql`update lease set guarded = null where node_uid = ${n1.uid}`
    await ask(2, { armed: false }) // no lease yet: it must not open the device
    const second = await ask(3, { armed: true, confirms: [{ sid: web, generation: 1 }] })
    expect(second.granted && second.row.confirmed).toHaveLength(1)
    for (const seq of [4, 5]) await ask(seq, { armed: true })
    await renewals.close()
    expect((await leaseRow(database.sql, n1)).guarded).toBe(true)
  })

  test('what machine held an epoch is not rewritten by a request from another machine', async () => {
    await database.sql`update cluster set development = false where id = ${cluster.id}`
    await database.sql`
      update node set virtual = true, watchdog = '{"class":"qualified","identity":"i6300esb","effectiveMs":10000}'
      where uid = ${n1.uid}`
    await openGrant(database.sql, cluster, n1, web, 1)
    await database.sql`update run_grant_holder set confirmed_at = clock_timestamp()`
    // Revoked at its deadline an hour ago: a virtual machine, frozen by its hypervisor. No proof, rightly.
    await database.sql`
      insert into revocation (node_uid, epoch, cluster_id, boot_id, lease_until, guarded, revoked_at, why)
      select uid, 1, cluster_id, ${n1.bootId}, clock_timestamp() - interval '1 h', true, clock_timestamp(), 'test'
      from node where uid = ${n1.uid}`
    await database.sql`update lease set epoch = 2, boot_id = null where node_uid = ${n1.uid}`
    const proofs = async () =>
      decide((await loaded()).view).changes.filter((change) => change.kind === 'evidence.recorded')
    expect(await proofs()).toEqual([])
    const other = hello({ bootId: randomUUID(), hardwareId: 'other-hardware' })
    await requestEpoch(database.sql, cluster.id, other)
    expect(await proofs()).toEqual([])
  })
})

describe('a cut history', () => {
  test('a node has attested only when what it runs is on record', async () => {
    const renewals = makeRenewals(database.url)
    const running = [{ sid: web, generation: 6, state: 'running' as const, stable: true }]
    await renewals.renew({ clusterId: cluster.id, request: request(cluster, n1, 1, { running }) })
    expect((await loaded()).view.nodes.n1?.report?.running).toHaveLength(1) // control
    // Failover: the report was not replicated; the replica of the plane lives on.
    await database.sql`update lease set report_digest = '' where node_uid = ${n1.uid}`
    await database.sql`delete from node_report where node_uid = ${n1.uid}`
    await database.sql`update plane_epoch set timeline = '00000009' where cluster_id = ${cluster.id}`
    const planeEpoch = { number: 2, uuid: randomUUID() }
    await newPlaneEpoch(planeEpoch.uuid)
    await renewals.renew({
      clusterId: cluster.id,
      request: request(cluster, n1, 2, { running, planeEpoch }),
    })
    await renewals.close()
    const node = (await loaded()).view.nodes.n1
    const says = node?.report?.running ?? []
    expect({ attested: node?.lease.attestedPlaneEpoch === 2, known: says.length }).not.toEqual({
      attested: true,
      known: 0,
    })
  })

  test('a lease epoch of a lost history changes the plane epoch once, not for ever', async () => {
    let planeEpoch = { number: 1, uuid: cluster.planeUuid }
    const numbers: number[] = []
    for (let i = 0; i < 4; i++) {
      // The agent holds epoch 2 of the lost history, has adopted the newest plane epoch, and renews.
      const asked = request(cluster, n1, i + 1, { epoch: 2, planeEpoch })
      const answers = await whyNot(database.sql, [{ clusterId: cluster.id, request: asked }])
      const refusal = answers.get(n1.uid) as Refusal
      const uuid = randomUUID()
      const changed = await newPlaneEpoch(uuid)
      if (changed) {
        numbers.push(changed.number)
        planeEpoch = { number: changed.number, uuid }
      }
      if (refusal.code !== 'regressed') break
    }
    expect(numbers).toEqual([2])
  })

  test('a node that asks for an epoch and remembers a later history is heard, too', async () => {
    await whyNot(database.sql, [
      {
        clusterId: cluster.id,
        request: request(cluster, n2, 1, { planeEpoch: { number: 7, uuid: randomUUID() } }),
      },
    ])
    expect((await loaded()).regressClaims).toHaveLength(1) // control: a renewal is heard
    await database.sql`delete from regress_claim`
    await requestEpoch(
      database.sql,
      cluster.id,
      hello({ planeEpoch: { number: 7, uuid: randomUUID() } }),
    )
    expect((await loaded()).regressClaims).toHaveLength(1)
  })

  test('a claim of a broken journal does not end all rounds', async () => {
    const planeEpoch = { number: Number.MAX_SAFE_INTEGER - 1, uuid: randomUUID() }
    const asked = request(cluster, n1, 1, { planeEpoch })
    await whyNot(database.sql, [{ clusterId: cluster.id, request: asked }])
    await expect(newPlaneEpoch(randomUUID())).resolves.toBeDefined()
  })

  test('a person’s word for a dead node ends the wait of the quarantine for it', async () => {
    await openGrant(database.sql, cluster, n1, web, 1)
    await database.sql`
      update plane_epoch set number = 2, quarantine_until = clock_timestamp() - interval '1 s'
      where cluster_id = ${cluster.id}`
    await database.sql`
      update lease set renewed_at = clock_timestamp(), reported_at = clock_timestamp(),
        attested_plane_epoch = 2, lease_until = clock_timestamp() + interval '1 min'
      where node_uid = ${n2.uid}`
    const wish = { clusterId: cluster.id, node: 'n1', actor: 'test', force: true, silentMs: 9_000 }
    expect(await database.sql.begin((tx) => confirmDead(tx, wish))).toMatchObject({ node: 'n1' })
    const changes = async () => decide((await loaded()).view).changes.map((change) => change.kind)
    const afterWord = await changes()
    await database.sql`update lease set attested_plane_epoch = 2 where node_uid = ${n1.uid}`
    expect(await changes()).toContain('quarantine.ended') // control: nothing else was missing
    expect(afterWord).toContain('quarantine.ended')
  })
})

describe('rounds', () => {
  test('the view says when the round before it ran (S-A9 needs it)', async () => {
    await database.sql`
      update crm set ran_at = clock_timestamp() - interval '2 min' where cluster_id = ${cluster.id}`
    const view = await loadView(database.sql, cluster.id)
    expect(view?.lastRoundMs ?? null).not.toBeNull()
  })
})

describe('renewals', () => {
  test('a lease row that a hung round holds delays nobody else’s renewal (S-A3)', async () => {
    const renewals = makeRenewals(database.url)
    const renew = (node: TestNode, seq: number) =>
      renewals.renew({ clusterId: cluster.id, request: request(cluster, node, seq) })
    await renew(n2, 1)
    const freeMs = performance.now()
    await renew(n2, 2)
    expect(performance.now() - freeMs).toBeLessThan(400) // control: nobody holds anything
    let free = () => {}
    const held = new Promise<void>((resolve) => {
      free = resolve
    })
    let isLocked = () => {}
    const locked = new Promise<void>((resolve) => {
      isLocked = resolve
    })
    const hung = database.sql.begin(async (tx) => {
      await tx`select from lease where node_uid = ${n1.uid} for update`
      isLocked()
      await held
    })
    await locked
    const first = renew(n1, 1)
    await new Promise((resolve) => setTimeout(resolve, 30))
    const startedMs = performance.now()
    const second = await renew(n2, 3)
    const tookMs = performance.now() - startedMs
    free()
    await Promise.all([hung, first])
    await renewals.close()
    expect(second.granted).toBe(true)
    expect(tookMs).toBeLessThan(400) // the request timeout of `fast` is 500
  })
})

test('a boot heard after its deadline refutes its watchdog for good, whoever asks after it (rule 6)', async () => {
  await openGrant(database.sql, cluster, n1, web, 1)
  await database.sql`
    insert into revocation (node_uid, epoch, cluster_id, boot_id, lease_until, guarded, revoked_at, why)
    values (${n1.uid}, 1, ${cluster.id}, ${n1.bootId}, clock_timestamp() - interval '1 s', true,
      clock_timestamp(), 'test')`
  await database.sql`update lease set epoch = 2, boot_id = null where node_uid = ${n1.uid}`
  const refuted = async () =>
    (await loaded()).view.nodes.n1?.revocations.map((revocation) => revocation.refuted)
  expect(await refuted()).toEqual([false])
  await requestEpoch(database.sql, cluster.id, hello())
  await requestEpoch(database.sql, cluster.id, hello({ bootId: 'another-boot', sentMs: 9 }))
  expect(await refuted()).toEqual([true])
})
