// Rounds on real Postgres: election, stale rounds, and what a whole replica does with a first node.
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Plane, startPlane } from '../../control-plane/plane.ts'
import { stand } from '../../control-plane/crm/election.ts'
import { runRound } from '../../control-plane/crm/round.ts'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import { postgresRoundStore } from '../../control-plane/store/round-store.ts'
import { createJoinToken } from '../../control-plane/store/bootstrap.ts'
import { systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, type TestCluster } from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'rounds')
})

const deps = (replica: string) => ({
  store: postgresRoundStore(database.sql, null),
  witness: new ClockWitness(),
  clock: systemClock(),
  random: systemRandom(),
  replica,
})

const seen = async () => {
  const [row] = await database.sql`
    select round::int as round from crm where cluster_id = ${cluster.id}`
  return row?.round as number
}

describe('the election', () => {
  test('lets one round in, and tells the other that it is busy', async () => {
    const round = await seen()
    await database.sql.begin(async (tx) => {
      expect(await stand(tx, cluster.id, round, 'one')).toEqual({ round: round + 1 })
      expect(await runRound(deps('two'), cluster.id, round)).toEqual({ kind: 'busy' })
    })
  })

  test('throws a stale round away, with or without the lock (M6, rule 10)', async () => {
    const round = await seen()
    expect(await runRound(deps('one'), cluster.id, round - 1)).toMatchObject({ kind: 'again' })
    expect(await seen()).toBe(round)
  })

  test('gives the cluster to others when a round hangs in its transaction', async () => {
    const round = await seen()
    const hung = database.sql.begin(async (tx) => {
      await stand(tx, cluster.id, round, 'hung')
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      await tx`select 1`
    })
    const failed = expect(hung).rejects.toThrow()
    const startedMs = performance.now()
    let result = await runRound(deps('other'), cluster.id, round)
    while (result.kind !== 'done' && performance.now() - startedMs < 2_500) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      result = await runRound(deps('other'), cluster.id, await seen())
    }
    expect(result.kind).toBe('done')
    await failed
  })

  test('an empty round changes nothing but its own row', async () => {
    const before = await database.sql`select count(*)::int as n from change_log`
    expect(await runRound(deps('one'), cluster.id, await seen())).toMatchObject({
      kind: 'done',
      changes: [],
      changedNodes: [],
    })
    expect(await database.sql`select count(*)::int as n from change_log`).toEqual(before)
  })
})

describe('a replica', () => {
  let plane: Plane
  beforeAll(async () => {
    plane = await startPlane(
      {
        databaseUrl: database.url,
        host: '127.0.0.1',
        port: 0,
        replica: 'test',
        url: 'http://127.0.0.1',
        logLevel: 'silent',
      },
      pino({ level: process.env.LOG ?? 'silent' }),
    )
  })
  afterAll(() => plane.close())

  const post = async (path: string, body: unknown, credential?: string) => {
    const response = await fetch(`http://127.0.0.1:${plane.port}/agent/v1/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        ...(credential && { authorization: `Bearer ${credential}` }),
      },
      signal: AbortSignal.timeout(5_000),
    })
    return { status: response.status, body: (await response.json()) as Record<string, never> }
  }

  const facts = {
    capacity: { cpus: 1, memoryBytes: 1 },
    watchdog: { class: 'simulated', identity: 'test', effectiveMs: 10_000 },
    virtual: false,
    drivers: ['process'],
    agentVersion: 'test',
  }

  test('takes a new node from its join to its first lease, and lets it speak for itself only', async () => {
    const token = { clusterId: cluster.id, uses: 1, ttlSeconds: 60, createdBy: 'test' }
    const { secret } = await createJoinToken(database.sql, token)
    const bootId = 'boot-0001'
    const hardwareId = 'hardware-1'
    const joined = await post('join', {
      joinToken: secret,
      node: 'n1',
      hardwareId,
      bootId,
      ...facts,
    })
    expect(joined.status).toBe(200)
    const { nodeUid, credential, clusterUuid } = joined.body as never as Record<string, string>
    const ask = (nonce: string | null) =>
      post(
        'epoch',
        {
          clusterUuid,
          nodeUid,
          bootId,
          hardwareId,
          sentMs: performance.now(),
          planeEpoch: answer?.body.planeEpoch ?? null,
          nonce,
          found: [],
          ...facts,
        },
        credential,
      )
    let nonce: string | null = null
    let answer: Awaited<ReturnType<typeof post>> | undefined
    answer = await ask(nonce)
    for (let turn = 0; turn < 20 && answer.body.status !== 'joined'; turn += 1) {
      nonce = answer.body.nonce ?? nonce
      answer = await ask(nonce)
    }
    expect(answer.body).toMatchObject({ status: 'joined', epoch: 1 })
    const request = {
      clusterUuid,
      nodeUid,
      epoch: 1,
      bootId,
      seq: 1,
      planeEpoch: answer.body.planeEpoch,
      armed: false,
      release: false,
      revision: 0,
      lrmState: 'active',
      mode: 'active',
      running: [],
      closed: [],
      confirms: [],
      results: [],
    }
    const other = '00000000-0000-4000-8000-000000000000'
    const refused = async (more: object, by?: string) => {
      const { status, body } = await post('lease', { ...request, ...more }, by ?? credential)
      return `${status} ${body.code}`
    }
    expect(await refused({ nodeUid: other })).toBe('403 wrong-node')
    expect(await refused({ clusterUuid: other })).toBe('403 wrong-cluster')
    expect(await refused({ surprise: 1 })).toBe('400 invalid')
    expect(await refused({}, 'hfn_unknown')).toBe('401 unauthenticated')
    const lease = await post('lease', request, credential)
    expect(lease).toMatchObject({ status: 200, body: { epoch: 1, seq: 1, leaseMs: 60_000 } })
  })
})
