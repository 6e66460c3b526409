// Work queued for a connection that was given up never runs on the next one, whose warnings it could hide (rule 1).
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Lane } from '../../control-plane/lease/lane.ts'
import { testDatabase } from '../database.ts'

const database = testDatabase()
let lane: Lane
beforeEach(() => {
  lane = new Lane(database.url)
})
afterEach(() => lane.close())

const warn = "do $$ begin raise warning 'doubtful'; end $$"

test('work that comes back with a warning is not clean, and the next is judged for itself', async () => {
  await expect(lane.clean((sql) => sql.unsafe(warn))).rejects.toThrow('not durable')
  expect(await lane.clean((sql) => sql`select 1 as one`)).toEqual([{ one: 1 }])
})

test('what waited behind a hung statement is rejected with its connection, and runs nowhere', async () => {
  let ranLate = false
  const hung = lane.clean((sql) => sql`select pg_sleep(30)`)
  const behind = lane.clean((sql) => {
    ranLate = true
    return sql`select 1`
  })
  const failed = Promise.all([
    expect(hung).rejects.toThrow(),
    expect(behind).rejects.toThrow('given up'),
  ])
  const seen = lane.sql
  lane.replace(seen)
  const next = lane.clean((sql) => sql.unsafe(`select pg_sleep(0.2); ${warn}`))
  await expect(next).rejects.toThrow('not durable')
  await failed
  expect(ranLate).toBe(false)
})

test('a connection is replaced once, however many report its failure', () => {
  const seen = lane.sql
  lane.replace(seen)
  const { sql } = lane
  lane.replace(seen)
  expect(lane.sql).toBe(sql)
})
