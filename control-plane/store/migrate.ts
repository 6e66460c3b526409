// Brings a database up to this version's schema. Safe to run from several replicas at once; never rewrites the lease table.
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import { fileURLToPath } from 'node:url'
import { PgBoss } from 'pg-boss'
import postgres from 'postgres'
import { jobQueues } from '../jobs/queues.ts'

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))
/** Any fixed number will do; every replica must use the same. */
const migrationLock = 7_203_151

/**
 * Applies what is missing of migrations/ and of pg-boss's own schema.
 * @param url a direct connection (no transaction pooler): the lock lives in its session
 */
export async function migrate(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 10 })
  try {
    await sql`select pg_advisory_lock(${migrationLock})`
    // Waiting behind a long reader would queue every renewal behind us.
    await sql`set lock_timeout = '5s'`
    await applyMigrations(drizzle(sql), { migrationsFolder: folder })
    await installJobs(url)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function installJobs(url: string) {
  const boss = new PgBoss({ connectionString: url, max: 2, supervise: false, schedule: false })
  boss.on('error', () => {})
  await boss.start()
  for (const [name, { policy, ...options }] of Object.entries(jobQueues))
    if (await boss.getQueue(name)) await boss.updateQueue(name, options)
    else await boss.createQueue(name, { policy, ...options })
  await boss.stop({ graceful: false })
}
