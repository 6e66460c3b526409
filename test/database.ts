// A database of its own for one test file: a clone of the migrated template, dropped afterwards.
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, inject } from 'vitest'

export type TestDatabase = { readonly url: string; readonly sql: postgres.Sql }

/** Call at the top of a test file. `sql` and `url` may be read from `beforeAll` on. */
export function testDatabase(): TestDatabase {
  const name = `test_${randomBytes(6).toString('hex')}`
  const base = `postgres://postgres@127.0.0.1:${inject('postgresPort')}/`
  let sql: postgres.Sql
  beforeAll(async () => {
    await asAdmin(base, (admin) =>
      admin.unsafe(`create database ${name} template template_holdfast strategy file_copy`),
    )
    sql = postgres(base + name, { max: 5, onnotice: () => {} })
  })
  afterAll(async () => {
    await sql.end({ timeout: 5 })
    await asAdmin(base, (admin) => admin.unsafe(`drop database if exists ${name} with (force)`))
  })
  return {
    url: base + name,
    get sql() {
      return sql
    },
  }
}

async function asAdmin(base: string, work: (admin: postgres.Sql) => Promise<unknown>) {
  const admin = postgres(`${base}postgres`, { max: 1, onnotice: () => {} })
  try {
    await work(admin)
  } finally {
    await admin.end({ timeout: 5 })
  }
}
