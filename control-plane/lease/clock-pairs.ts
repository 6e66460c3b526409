// Keeps the witness's pairs across restarts of a replica on the same boot of its host: CLOCK_BOOTTIME goes on there, so a
// pair another process stored is as good as one's own. What does not fit is dropped by the witness itself.
import { readFileSync } from 'node:fs'
import type postgres from 'postgres'
import type { ClockWitness } from './clock-witness.ts'

const keepMs = 20 * 60_000

export function hostBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** Shows the witness what earlier replicas of this boot stored, oldest first. */
export async function recallPairs(sql: postgres.Sql, bootId: string, witness: ClockWitness) {
  const rows = await sql<{ databaseMs: number; bootMs: number }[]>`
    select database_ms::float8 as "databaseMs", boot_ms::float8 as "bootMs" from clock_pair
    where host_boot_id = ${bootId} order by boot_ms`
  for (const row of rows) witness.observe(row)
}

/** Stores the newest pair and forgets those nobody can need any more. */
export async function storePair(sql: postgres.Sql, bootId: string, witness: ClockWitness) {
  const pair = witness.newestExact()
  if (!pair) return
  const [databaseMs, bootMs] = [Math.round(pair.databaseMs), Math.round(pair.bootMs)]
  await sql`
    insert into clock_pair (host_boot_id, boot_ms, database_ms)
    values (${bootId}, ${bootMs}, ${databaseMs}) on conflict do nothing`
  await sql`
    delete from clock_pair
    where host_boot_id = ${bootId} and boot_ms not between ${bootMs - keepMs} and ${bootMs}`
  await sql`delete from clock_pair where database_ms < ${databaseMs - 10 * keepMs}`
}
