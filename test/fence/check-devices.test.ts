// Fence devices are asked how they are while their nodes live, and what they said then counts for the boot it was said of only.
import pino from 'pino'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { checkDevices } from '../../control-plane/fence/check-devices.ts'
import type { PowerLook } from '../../control-plane/fence/fence-device.ts'
import { FenceFault } from '../../control-plane/fence/fence-device.ts'
import { postgresFenceStore } from '../../control-plane/fence/fence-store.ts'
import { loadView } from '../../control-plane/store/load-view.ts'
import { nodeStatus } from '../../control-plane/cluster/status.ts'
import { systemTimers } from '../../shared/clock.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, type TestCluster } from '../lease/fleet.ts'
import { machineUuid as uuid, orderOff, setUpDevice } from './ordered.ts'

const database = testDatabase()
const log = pino({ level: 'silent' })
let cluster: TestCluster
let made = 0
let uid = ''
let name = ''
let look: () => Promise<PowerLook>

const on: PowerLook = { state: 'on', identity: { uuid, serial: null } }

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'checks')
})
beforeEach(async () => {
  made += 1
  name = `n${made}`
  uid = (await makeNode(database.sql, cluster, name)).uid
  await database.sql`update node set virtual = true where uid = ${uid}`
  await setUp('libvirt')
  await renew()
  look = async () => {
    await renew()
    return on
  }
})

const setUp = (kind: string) => setUpDevice(database.sql, cluster, uid, { kind })

const renew = () =>
  database.sql`update lease set renewed_at = clock_timestamp() where node_uid = ${uid}`

/** One pass; how often the device of this test was asked. */
async function check(): Promise<number> {
  let asked = 0
  await checkDevices({
    sql: database.sql,
    ...{
      log,
      // Renewals come at once here; how long a device may take stays as it is.
      timers: { ...systemTimers, set: (call, ms) => systemTimers.set(call, ms > 6_000 ? ms : 50) },
    },
    open: () => ({
      look: () => {
        asked += 1
        return look()
      },
      powerOff: () => {
        throw new Error('a check never switches anything')
      },
      powerOn: () => {
        throw new Error('a check never switches anything')
      },
    }),
  })
  return asked
}

async function shown() {
  const view = (await loadView(database.sql, cluster.id))!
  return nodeStatus(view, view.nodes[name]!).fenceDevices![0]!
}

async function wasOn(): Promise<string[]> {
  const task = await postgresFenceStore(database.sql, 'r1').take({
    ...{
      clusterId: cluster.id,
      node: name,
      epoch: 1,
      order: await orderOff(database.sql, cluster, { uid, name }),
    },
  })
  expect(task).toMatchObject({ needs: { canMove: true } })
  return task!.wasOn
}

describe('a fence device', () => {
  test('is asked once, and again when it was set up anew or its node has booted', async () => {
    expect(await check()).toBe(1)
    expect(await shown()).toMatchObject({ doubt: '', checkedMsAgo: expect.any(Number) })
    expect(await check()).toBe(0)
    await setUp('libvirt')
    expect(await check()).toBe(1)
    await database.sql`update lease set epoch = epoch + 1, boot_id = null where node_uid = ${uid}`
    await database.sql`update lease set boot_id = 'next' where node_uid = ${uid}`
    expect(await check()).toBe(1)
    await database.sql`update fence_check set at = at - interval '3 minutes' where node_uid = ${uid}`
    expect(await check()).toBe(1)
  })

  test('of a machine that goes nowhere is asked less often', async () => {
    await database.sql`update node set virtual = false where uid = ${uid}`
    expect(await check()).toBe(1)
    await database.sql`update fence_check set at = at - interval '3 minutes' where node_uid = ${uid}`
    expect(await check()).toBe(0)
    await database.sql`update fence_check set at = at - interval '8 minutes' where node_uid = ${uid}`
    expect(await check()).toBe(1)
  })

  test.each([
    ['that does not answer', () => Promise.reject(new FenceFault('no route')), 'no route'],
    [
      'that speaks of another machine',
      async () => ({ ...on, identity: { uuid: null, serial: 'x' } }),
      'it speaks of another machine',
    ],
    [
      'that says off of a node that is up',
      async () => ({ ...on, state: 'off' as const }),
      'it said off while the node was up',
    ],
  ])('%s is shown as one that cannot be relied on', async (_, said, doubt) => {
    look = async () => {
      await renew()
      return said()
    }
    await check()
    expect((await shown()).doubt).toBe(doubt)
    expect(await wasOn()).toEqual([])
  })

  test('of a node that is silent is not asked, and nothing is noted where the node has not renewed since', async () => {
    look = async () => on
    expect(await check()).toBe(1)
    expect((await shown()).checkedMsAgo).toBeNull()
    await database.sql`
      update lease set renewed_at = clock_timestamp() - interval '1 h' where node_uid = ${uid}`
    expect(await check()).toBe(0)
  })

  test('that is asked late is not believed by a renewal from before it was asked', async () => {
    await check()
    await database.sql`
      update fence_check set at = at - interval '11 minutes', state = 'off' where node_uid = ${uid}`
    const late = uid
    // So many are asked at once, and those that never were come first.
    for (let first = 1; first <= 8; first++) {
      uid = (await makeNode(database.sql, cluster, `${name}-${first}`)).uid
      await setUp('libvirt')
      await renew()
    }
    uid = late
    let asked = 0
    let hasRenewed = () => {}
    const renewed = new Promise<void>((resolve) => {
      hasRenewed = resolve
    })
    look = async () => {
      asked += 1
      if (asked === 8) await renew().then(hasRenewed)
      await renewed
      return on
    }
    await check()
    expect(asked).toBe(9)
    const [noted] = await database.sql`select state from fence_check where node_uid = ${uid}`
    expect(noted).toEqual({ state: 'off' })
  })

  test('that said on while a virtual machine renewed is believed to have ended it there, if that boot is the one', async () => {
    await check()
    expect(await wasOn()).toEqual(['hv'])
  })

  test('that said on of another boot, or whose kind says off of what went elsewhere, is not', async () => {
    await check()
    await database.sql`update fence_check set boot_id = 'an-older-boot' where node_uid = ${uid}`
    expect(await wasOn()).toEqual([])
  })

  test('whose kind may say off of what went elsewhere is not believed by an earlier look', async () => {
    await setUp('redfish')
    await check()
    expect(await wasOn()).toEqual([])
  })
})
