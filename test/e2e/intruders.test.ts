// Who may speak for a node: whoever holds its credential, in its own cluster, and nobody else. Refusals change nothing.
import { beforeAll, describe, expect, test } from 'vitest'
import { createCluster, createJoinToken } from '../../control-plane/store/bootstrap.ts'
import type { EpochRequest, LeaseRequest } from '../../shared/protocol.ts'
import { Settings } from '../../shared/settings.ts'
import { testSite } from './site.ts'

const site = testSite({ nodes: 2 })
const facts: Pick<EpochRequest, 'capacity' | 'watchdog' | 'virtual' | 'drivers' | 'agentVersion'> =
  {
    capacity: { cpus: 1, memoryBytes: 1 },
    watchdog: { class: 'none', identity: 'none', effectiveMs: 0 },
    virtual: false,
    drivers: ['process'],
    agentVersion: 'test',
  }
type Answer = { status: number; body: { code?: string } }

async function ask(path: string, body: object, credential?: string): Promise<Answer> {
  const response = await fetch(`${site.replicas[0]?.url}/agent/v1${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(credential ? { authorization: `Bearer ${credential}` } : {}),
    },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as { code?: string } }
}

const join = (joinToken: string, node: string) =>
  ask('/join', { joinToken, node, hardwareId: 'hw-test', bootId: 'boot-test', ...facts })

const token = async (over: Partial<Parameters<typeof createJoinToken>[1]> = {}) => {
  const wish = { clusterId: site.clusterId, uses: 1, ttlSeconds: 60, createdBy: 'tests', ...over }
  return (await createJoinToken(site.sql, wish)).secret
}

/** Everything a foreign word could have changed. */
async function stored() {
  return site.sql`
    select n.name, l.epoch, l.boot_id, l.armed, r.node_uid is not null as asks
    from node n join lease l on l.node_uid = n.uid left join epoch_request r on r.node_uid = n.uid
    order by n.name`
}

describe('a join token', () => {
  test('that is unknown, for another name, used up or expired is refused, and no node appears', async () => {
    const before = await stored()
    expect(await join('hfj_nothing_at_all', 'n8')).toMatchObject({ status: 401 })
    expect(await join(await token({ node: 'n7' }), 'n8')).toMatchObject({
      ...{ status: 403, body: { code: 'wrong-node' } },
    })
    const expired = await token()
    await site.sql`update join_token set expires_at = clock_timestamp() - interval '1 s'
      where id = (select id from join_token order by created_at desc limit 1)`
    expect(await join(expired, 'n8')).toMatchObject({ status: 401 })
    expect(await stored()).toEqual(before)
    const once = await token()
    expect(await join(once, 'n9')).toMatchObject({ status: 200 })
    expect(await join(once, 'n8')).toMatchObject({ status: 401, body: { code: 'bad-join-token' } })
    expect(await stored()).toHaveLength(before.length + 1)
  })

  test('does not give away the name of a node that may run something (S9)', async () => {
    const sid = await site.addService('a')
    const { node } = await site.running(sid)
    expect(await join(await token(), node as string)).toMatchObject({
      ...{ status: 409, body: { code: 'open-grants' } },
    })
    expect(await site.operator.service(sid)).toMatchObject({ running: true, node })
  })
})

describe('an agent', () => {
  let own: { nodeUid: string; credential: string; clusterUuid: string }
  let other: typeof own
  beforeAll(() => {
    own = site.node('n1').identity
    other = site.node('n2').identity
  })
  const lease = (who: { nodeUid: string; clusterUuid: string }): LeaseRequest => ({
    ...{ clusterUuid: who.clusterUuid, nodeUid: who.nodeUid, epoch: 1, bootId: 'boot-test' },
    ...{ seq: 1_000_000, planeEpoch: { number: 1, uuid: crypto.randomUUID() }, armed: true },
    ...{ release: false, revision: 0, lrmState: 'active', mode: 'active', running: [] },
    ...{ closed: [], confirms: [], results: [] },
  })
  const epoch = (who: { nodeUid: string; clusterUuid: string }): EpochRequest => ({
    ...{ clusterUuid: who.clusterUuid, nodeUid: who.nodeUid, bootId: 'boot-test' },
    ...{ hardwareId: 'hw-test', sentMs: 0, planeEpoch: null, nonce: null, found: [], ...facts },
  })

  test('without a credential, or with a wrong one, is refused', async () => {
    for (const credential of [undefined, 'hfn_wrong', `${own.credential}x`]) {
      expect((await ask('/lease', lease(own), credential)).status).toBe(401)
      expect((await ask('/epoch', epoch(own), credential)).status).toBe(401)
    }
  })

  test('that speaks for another node or another cluster is refused, and nothing is written', async () => {
    const settings = Settings.parse({})
    const foreign = await createCluster(site.sql, { name: 'foreign', development: true, settings })
    const before = await stored()
    for (const claim of [other, { ...own, clusterUuid: foreign.uuid }]) {
      const answers = [
        await ask('/lease', lease(claim), own.credential),
        await ask('/epoch', epoch(claim), own.credential),
      ]
      for (const { status } of answers) expect([401, 403]).toContain(status)
    }
    expect(await stored()).toEqual(before)
    await site.running('process:a')
  })

  test('that says more than a body may hold is refused with that reason', async () => {
    const large = { ...lease(own), bootId: 'x'.repeat(5 * 1024 * 1024) }
    expect(await ask('/lease', large, own.credential)).toMatchObject({
      ...{ status: 413, body: { code: 'body-too-large' } },
    })
  })

  test('of another boot is not renewed, though it knows the credential', async () => {
    const { epoch: current } = await site.operator.node('n1')
    const { body, status } = await ask('/lease', { ...lease(own), epoch: current }, own.credential)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(['fenced', 'stale', 'busy', 'plane-epoch', 'regressed']).toContain(body.code)
    await site.running('process:a')
    expect(site.witness('process:a').runs).toHaveLength(1)
  })
})
