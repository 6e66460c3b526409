// The job queues of a database: as this version has them, also where an earlier one made them; and how long what matters is tried.
import { expect, test } from 'vitest'
import { jobQueues } from '../../control-plane/jobs/queues.ts'
import { migrate } from '../../control-plane/store/migrate.ts'
import { testDatabase } from '../database.ts'

const database = testDatabase()

test('queues that an earlier version has made are as this one has them', async () => {
  const { sql, url } = database
  await sql`update pgboss.queue set retry_limit = 1, retry_delay_max = 7 where name = 'switch-on-node'`
  await migrate(url)
  const [queue] = await sql`
    select policy, retry_limit as "retryLimit", retry_delay_max as "retryDelayMax"
    from pgboss.queue where name = 'switch-on-node'`
  const { policy, retryLimit, retryDelayMax } = jobQueues['switch-on-node']
  expect(queue).toEqual({ policy, retryLimit, retryDelayMax })
})

test('what was switched off is tried to be switched on for three days at least, and again within minutes', () => {
  const { retryLimit, retryDelay, retryDelayMax } = jobQueues['switch-on-node']
  expect(retryDelayMax).toBeLessThanOrEqual(600)
  // pg-boss waits for half of each doubled delay, at least.
  const waits = Array.from({ length: retryLimit }, (_, retries) =>
    Math.min(retryDelayMax, (retryDelay * 2 ** Math.min(retries, 16)) / 2),
  )
  const seconds = waits.reduce((sum, wait) => sum + wait, 0)
  expect(seconds).toBeGreaterThan(3 * 86_400)
})
