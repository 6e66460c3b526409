// A grant that two nodes hold during a live move: what the schema refuses whatever the code above does, and what a round
// saves and reads of it (rule 7, S4, S17).
import { beforeAll, describe, expect, test } from 'vitest'
import type { Change } from '../../control-plane/cluster/change.ts'
import { type LoadedView, load } from '../../control-plane/store/load-view.ts'
import { saveLeaseChanges } from '../../control-plane/store/save-lease-changes.ts'
import { testDatabase } from '../database.ts'
import {
  makeCluster,
  makeNode,
  openGrant,
  type TestCluster,
  type TestNode,
} from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let generation = 1000

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'shared')
})

type Half = { node: TestNode; sid: string; generation: number }

async function node(name: string): Promise<TestNode> {
  const made = await makeNode(database.sql, cluster, name)
  await database.sql`
    update lease set lease_until = clock_timestamp() + interval '1 min' where node_uid = ${made.uid}`
  return made
}

async function held(name: string): Promise<Half> {
  const half = { node: await node(name), sid: `vm:${name}`, generation: ++generation }
  await openGrant(database.sql, cluster, half.node, half.sid, half.generation)
  return half
}

const share = ({ sid, node: on, generation: number }: Half, grant: number) => database.sql`
  insert into run_grant_holder
    (cluster_id, sid, generation, grant_generation, node_uid, epoch, opened_at)
  values (${cluster.id}, ${sid}, ${number}, ${grant}, ${on.uid}, 1, clock_timestamp())`

/** The source of a move, and the half of its target. */
async function shared(name: string) {
  const source = await held(name)
  const target = { ...source, node: await node(`${name}-2`), generation: ++generation }
  await share(target, source.generation)
  return { source, target }
}

async function evidence(half: Half): Promise<string> {
  const row = {
    ...{ cluster_id: cluster.id, node_uid: half.node.uid, epoch: 1, kind: 'agent-stopped' },
    ...{ scope: 'service', sid: half.sid, generation: half.generation },
    ...{ facts: '{}', decided_at: new Date() },
  }
  const [made] = await database.sql`insert into evidence ${database.sql(row as never)} returning id`
  return made?.id as string
}

/** Closes the half of `on` with evidence that says it is about `about`. */
function close(on: Half, id: string, about: Half = on) {
  const set = {
    ...{ closed_at: new Date(), evidence_id: id, evidence_kind: 'agent-stopped' },
    ...{
      evidence_scope: 'service',
      evidence_sid: about.sid,
      evidence_generation: about.generation,
    },
  }
  return database.sql`update run_grant_holder set ${database.sql(set as never)}
    where sid = ${on.sid} and generation = ${on.generation}`
}

describe('the schema', () => {
  test('takes a second holder on another node, under a number of its own, and never a third', async () => {
    const { source } = await shared('pair')
    const third = { ...source, node: await node('pair-3'), generation: ++generation }
    await expect(share(third, source.generation)).rejects.toThrow('shared by one holder with one')
    const alone = await held('self')
    const itself = { ...alone, generation: ++generation }
    await expect(share(itself, alone.generation)).rejects.toThrow('holds a service once')
    const low = { ...alone, node: third.node, generation: alone.generation }
    await expect(share(low, alone.generation)).rejects.toThrow('never used twice')
  })

  test('takes none without a current lease of the target, nor beside a grant that is not open', async () => {
    const source = await held('unleased')
    const half = { ...source, node: await node('unleased-2'), generation: ++generation }
    await expect(share(half, source.generation - 1)).rejects.toThrow('only an open grant')
    await database.sql`update lease set epoch = 2, boot_id = null where node_uid = ${half.node.uid}`
    await expect(share(half, source.generation)).rejects.toThrow('only under a current lease')
  })

  test('closes the target’s half with the target’s own evidence about that very half only', async () => {
    const { source, target } = await shared('halves')
    const its = await evidence(source)
    await expect(close(target, its)).rejects.toThrow('foreign key')
    await expect(close(target, its, source)).rejects.toThrow('holder_evidence_scope')
    // What it ended in an earlier move says nothing of this one.
    const earlier = await evidence({ ...target, generation: target.generation - 1 })
    await expect(close(target, earlier)).rejects.toThrow('foreign key')
    await close(source, its)
    const grant = database.sql`sid = ${source.sid} and generation = ${source.generation}`
    const closing = () => database.sql`update run_grant set closed_at = now() where ${grant}`
    await expect(closing()).rejects.toThrow('closes after each of its holders')
    await close(target, await evidence(target))
    await closing()
  })

  test('lets no holder change its node, its number or its grant', async () => {
    const { source } = await shared('moved')
    const elsewhere = await node('moved-3')
    for (const change of [
      database.sql`node_uid = ${elsewhere.uid}`,
      database.sql`generation = generation + 1000`,
      database.sql`grant_generation = grant_generation + 1`,
    ])
      await expect(
        database.sql`update run_grant_holder set ${change}
          where sid = ${source.sid} and generation = ${source.generation}`,
      ).rejects.toThrow('keeps its number, its grant and its node')
  })

  test('opens no second grant beside one that is shared', async () => {
    const { source, target } = await shared('second')
    generation += 1
    const opening = openGrant(database.sql, cluster, target.node, source.sid, generation)
    await expect(opening).rejects.toThrow('run_grant_open')
  })
})

describe('a round', () => {
  const view = async () => ((await load(database.sql, cluster.id)) as LoadedView).view
  const save = async (...changes: Change[]) => {
    const seen = await view()
    await database.sql.begin(async (tx) => {
      await saveLeaseChanges(tx, seen, changes)
    })
  }
  const share = ({ sid, node: on, generation: number }: Half): Change => ({
    ...{ kind: 'grant.shared', sid, generation: number, node: on.name, epoch: 1, why: 'test' },
  })
  const ended = (half: Half): Change => ({
    ...{ kind: 'evidence.recorded', evidence: 'agent-stopped', node: half.node.name, epoch: 1 },
    ...{ scope: { sid: half.sid, generation: half.generation }, facts: {}, why: 'test' },
  })
  const grantOf = async (sid: string) => (await view()).services[sid]?.grant ?? null

  test('shares a grant, and reads it with both numbers; what is left bears its own, and moves on', async () => {
    const source = await held('round')
    const target = { ...source, node: await node('round-2'), generation: ++generation }
    await save(share(target))
    expect(await grantOf(source.sid)).toEqual({
      generation: source.generation,
      holders: [
        { node: 'round', epoch: 1, confirmed: false },
        { node: 'round-2', epoch: 1, confirmed: false, generation: target.generation },
      ],
    })
    await save(ended(source))
    const arrived = { node: 'round-2', epoch: 1, confirmed: false }
    const moved = { generation: target.generation, holders: [arrived] }
    expect(await grantOf(source.sid)).toEqual(moved)
    // And back, to a node that ended its half of the first move.
    const returned = { ...source, generation: ++generation }
    await save(share(returned))
    await save(ended(target))
    expect(await grantOf(source.sid)).toMatchObject({
      generation: returned.generation,
      holders: [{ node: 'round' }],
    })
    expect((await view()).services[source.sid]?.lastGeneration).toBe(returned.generation)
    await save(ended(returned))
    expect(await grantOf(source.sid)).toBeNull()
    const open = await database.sql`
      select from run_grant where sid = ${source.sid} and closed_at is null`
    expect(open).toHaveLength(0)
  })

  test('closes with a node’s death that node’s half only', async () => {
    const { source, target } = await shared('dead')
    const revoked: Change = {
      ...{ kind: 'lease.revoked', node: 'dead', epoch: 1, mode: 'asked', why: 'test' },
    }
    const boot: Change = {
      ...{ kind: 'evidence.recorded', evidence: 'new-boot', node: 'dead', epoch: 1 },
      ...{ scope: null, facts: {}, why: 'test' },
    }
    await save(revoked, boot)
    expect(await grantOf(source.sid)).toEqual({
      generation: target.generation,
      holders: [{ node: 'dead-2', epoch: 1, confirmed: false }],
    })
  })
})
