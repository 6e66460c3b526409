import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { dumpSchema } from '../../migrations/dump-schema.ts'
import { testDatabase } from '../database.ts'

const database = testDatabase()

test('the migrations lead to the schema that was reviewed', async () => {
  const golden = readFileSync(new URL('../../migrations/schema.sql', import.meta.url), 'utf8')
  expect(await dumpSchema(database.sql)).toBe(golden)
})

test('the jobs live in the same database, so that they commit with the change that needs them', async () => {
  const rows = await database.sql`select name from pgboss.queue order by name`
  const names = rows.map((row) => row.name)
  expect(names).toEqual(
    expect.arrayContaining([
      'fence-node',
      'prune-history',
      'relocate-service',
      'switch-on-node',
      'sweep',
    ]),
  )
})
