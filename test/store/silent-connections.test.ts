// Connections that fall silent: nothing is closed, and nothing arrives any more. The plane notices, and goes on with new ones.
import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { listen } from '../../control-plane/doorbell.ts'
import { steadyClient } from '../../control-plane/store/steady-client.ts'
import { testDatabase } from '../database.ts'
import { type SilentLink, silentLink } from '../lease/silent-link.ts'

const database = testDatabase()
const log = pino({ level: 'silent' })
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function link(): Promise<SilentLink> {
  const made = await silentLink(database.url)
  ends.push(() => made.close())
  return made
}

test('a pool whose connections have all fallen silent answers again, and whoever waited on them is told', async () => {
  const cable = await link()
  const { sql, close } = steadyClient(cable.url, { max: 2, name: 'test', patienceMs: 300, log })
  ends.push(close)
  await Promise.all([sql`select pg_sleep(0.01)`, sql`select pg_sleep(0.01)`])
  cable.fallSilent()
  const waiting = [sql`select 1 as one`, sql`select 1 as one`].map((query) =>
    query.then(
      () => 'answered',
      () => 'told',
    ),
  )
  expect(await Promise.all(waiting)).toEqual(['told', 'told'])
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  const [row] = await sql.begin((tx) => tx`select ${'x'}::text as word`)
  expect(row).toEqual({ word: 'x' })
})

test('a pool that answers slowly, but in time, is left alone', async () => {
  const { sql, close } = steadyClient(database.url, {
    max: 1,
    name: 'test',
    patienceMs: 5_000,
    log,
  })
  ends.push(close)
  expect(await sql`select 1 as one from pg_sleep(1.5)`).toEqual([{ one: 1 }])
})

test('a replica whose LISTEN connection has fallen silent looks at everything, and hears doorbells again', async () => {
  const cable = await link()
  const rung: number[] = []
  let looks = 0
  const doorbell = await listen({
    ...{ url: cable.url, log, replica: 'r1' },
    ringCluster: (id) => rung.push(id),
    ringAllClusters: () => (looks += 1),
    wakeNodes: () => {},
    wakeAllNodes: () => {},
  })
  ends.push(() => doorbell.close())
  const looksBefore = looks
  cable.fallSilent()
  await database.sql`select pg_notify('holdfast_crm', '7')`
  await expect.poll(() => looks, { timeout: 10_000 }).toBeGreaterThan(looksBefore)
  await database.sql`select pg_notify('holdfast_crm', '8')`
  await expect.poll(() => rung, { timeout: 10_000 }).toContain(8)
})
