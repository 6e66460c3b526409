import { expect, test } from 'vitest'
import { testDatabase } from '../database.ts'

const database = testDatabase()

test('the template carries every table of the plane and of its jobs', async () => {
  const rows = await database.sql`
    select table_schema || '.' || table_name as name from information_schema.tables
    where table_schema in ('public', 'pgboss')`
  const names = rows.map((row) => row.name)
  expect(names).toEqual(expect.arrayContaining(['public.lease', 'public.run_grant', 'pgboss.job']))
})
