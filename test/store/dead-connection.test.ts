// A backend that dies inside a transaction rejects the statement; it must neither end this process nor let a handle run on.
import { expect, test } from 'vitest'
import { client } from '../../control-plane/store/client.ts'
import { testDatabase } from '../database.ts'

const database = testDatabase()

const kill = (pid: number) => database.sql`select pg_terminate_backend(${pid})`

test('a statement in a transaction whose backend has died is rejected, and the pool goes on', async () => {
  const sql = client(database.url, { max: 1, name: 'test' })
  const failed = sql.begin(async (tx) => {
    const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
    await kill(row?.pid as number)
    await tx`select 1`
  })
  await expect(failed).rejects.toThrow()
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  await sql.end()
})

test('a reserved handle dies with its connection and never runs on the session that follows', async () => {
  const sql = client(database.url, { max: 1, name: 'test' })
  const reserved = await sql.reserve()
  const [row] = await reserved<{ pid: number }[]>`select pg_backend_pid() as pid`
  await kill(row?.pid as number)
  await expect(reserved`select 1`).rejects.toThrow()
  await expect(reserved`select 1`).rejects.toThrow()
  reserved.release()
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  await sql.end()
})
