// Recorded behaviour of the reference, where it lies beside the project: each scenario is played without a violation of
// safety. Whether each agrees is for the comparison that comes with the recordings; here a few are held to their end.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { playFile } from './run.ts'

const folder = path.resolve(import.meta.dirname, '../../../shared/scenarios')
const names = existsSync(folder)
  ? readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'index.json')
  : []
if (names.length === 0)
  console.log('skipped: recorded scenarios: there are none beside the project')

/** One of each kind; all of them take a minute. */
const some = [
  ...[
    'basic1',
    'disarm-failing-service1',
    'disarm-maintenance1',
    'shutdown-policy3',
    'service-command2',
  ],
].filter((name) => names.includes(`${name}.json`))

describe.skipIf(names.length === 0)('a recorded scenario', () => {
  test.each(some)('%s ends as it was recorded, and nothing runs twice', async (name) => {
    const file = path.join(folder, `${name}.json`)
    const { played } = await playFile(file)
    expect(played.violations).toEqual([])
    const { expected } = JSON.parse(readFileSync(file, 'utf8')) as {
      expected: { phases: unknown }
    }
    expect(played.phases).toEqual(expected.phases)
  })
})
