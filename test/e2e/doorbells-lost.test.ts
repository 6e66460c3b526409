// Doorbells carry no facts: with every one of them lost, between replicas and to the agents, everything still happens.
import postgres from 'postgres'
import { beforeAll, expect, test } from 'vitest'
import { testDatabase } from '../database.ts'
import { testSite } from './site.ts'

const database = testDatabase()
beforeAll(async () => {
  // A function of this name earlier on the search path swallows every NOTIFY of the site.
  const [{ name }] = await database.sql<[{ name: string }]>`select current_database() as name`
  await database.sql`create schema silence`
  await database.sql`
    create function silence.pg_notify(text, text) returns void language sql as 'select null::void'`
  await database.sql.unsafe(`alter database ${name} set search_path = silence, pg_catalog, public`)
})
// The operator speaks to the first replica, the agents to the second: whoever hears the news has to tell the other.
const site = testSite({ nodes: 2, replicas: 2, database })
site.planeUrls = () => site.replicas.slice(1).map((replica) => replica.url)

test('with every doorbell lost a service is started, moved, stopped and recovered all the same', async () => {
  const heard: string[] = []
  const ear = postgres(site.databaseUrl, { max: 1 })
  for (const channel of ['holdfast_crm', 'holdfast_desired', 'holdfast_events'])
    await ear.listen(channel, (payload) => heard.push(`${channel} ${payload}`))
  const sid = await site.addService('a')
  const startedMs = performance.now()
  const { node } = await site.running(sid, () => true)
  const tookMs = performance.now() - startedMs
  const other = node === 'n1' ? 'n2' : 'n1'
  expect(await site.operator.operate(sid, 'relocate', { node: other })).toMatchObject({
    status: 'done',
  })
  await site.running(sid, (name) => name === other)
  expect(await site.operator.operate(sid, 'stop')).toMatchObject({ status: 'done' })
  expect(await site.operator.operate(sid, 'start')).toMatchObject({ status: 'done' })
  await site.running(sid, (name) => name === other)
  await site.node(other).flip('power-off')
  await site.running(sid, (name) => name === node)
  console.log(`every doorbell lost: first start took ${Math.round(tookMs)} ms`)
  expect(site.witness(sid).runs).toHaveLength(4)
  await ear.end()
  expect(heard).toEqual([])
})
