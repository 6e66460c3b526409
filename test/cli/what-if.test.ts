// what-if on the command line: the nodes named or behind options, and an answer that people can read.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, makeRunning, servePlane, type TestPlane } from './plane.ts'
import { runHaManager } from './run.ts'

const database = testDatabase()
let plane: TestPlane
let env: Record<string, string>
const cli = (...words: string[]) => runHaManager(['what-if', ...words], env)
const json = async (...words: string[]) => JSON.parse((await cli(...words, '--json')).out)

beforeAll(async () => {
  plane = await servePlane(database.sql)
  const { id, token } = await makeCluster(database.sql, 'lab')
  env = { HOLDFAST_URL: plane.url, HOLDFAST_TOKEN: token, HOLDFAST_CLUSTER: 'lab' }
  const n1 = await makeNode(database.sql, id, 'n1')
  await makeNode(database.sql, id, 'n2')
  await makeNode(database.sql, id, 'n3')
  await makeRunning(database.sql, id, 'process:web', n1)
})
afterAll(() => plane.close())

// No agent renews here; who is to be alive must have been heard just now.
beforeEach(async () => {
  await database.sql`
    update lease set renewed_at = clock_timestamp(), reported_at = clock_timestamp(),
      lease_until = clock_timestamp() + interval '61 s'`
})

describe('ha-manager what-if', () => {
  test('reads as a question and an answer', async () => {
    const lost = await cli('n1', '--story')
    expect(lost).toMatchObject({ code: 0, err: '' })
    expect(lost.out).toMatch(/^If n1 lost power:$/m)
    // Said twice, it is lost once.
    expect((await cli('n1', '--down', 'n1')).out).toMatch(/^If n1 lost power:$/m)
    expect(lost.out).toMatch(/^process:web +n1 +n2 +\d+\.\d s/m)
    expect(lost.out).toMatch(/^\+\d+\.\d s +node n1: online → unknown/m)
    expect(lost.out).toMatch(/1 move, 0 stay, none would be stranded\. .*Nothing was changed\.$/m)
  })

  test('takes nodes for the option that names none, or behind each option', async () => {
    const moves = async (...words: string[]) =>
      (await json(...words)).moves.map((move: { to: string }) => move.to)
    expect(await moves('n1', '--maintenance')).toEqual(['n2'])
    expect(await moves('n1', 'n2', '--down')).toEqual(['n3'])
    expect(await moves('--maintenance', 'n1', '--down', 'n2')).toEqual(['n3'])
    expect(await moves('--start', 'process:new', 'process:newer')).toEqual(['n2', 'n3'])
  })

  test('says what would run nowhere, and why', async () => {
    const all = await cli('--down', 'n1', 'n2', 'n3')
    expect(all.out).toMatch(/process:web +n1 +\S+ +no node renews its lease/)
    expect(all.out).toContain('1 would run nowhere')
  })

  test('an unknown node is refused by name; nodes that could be for two options are wrong usage', async () => {
    const unknown = await cli('n9')
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('no node n9')])
    const unclear = await cli('n1', '--down', '--maintenance')
    expect([unclear.code, unclear.err]).toEqual([2, expect.stringContaining('which of')])
    expect((await cli('--back')).code).toBe(2)
  })
})

describe('ha-manager placement', () => {
  test('shows every node and its verdict, by either name of the command', async () => {
    const shown = await runHaManager(['placement', 'process:web'], env)
    expect(shown).toMatchObject({ code: 0, err: '' })
    expect(shown.out).toMatch(/^process:web would stay on n1: it is there already$/m)
    expect(shown.out).toMatch(/^n1 +chosen +1$/m)
    expect(shown.out).toMatch(/^n2 +candidate +0$/m)
    const why = await runHaManager(['why', 'process:web', '--placement'], env)
    expect(why.out).toBe(shown.out)
    const best = await runHaManager(
      ['placement', 'process:web', '--preference', 'best-score', '--json'],
      env,
    )
    expect(JSON.parse(best.out)).toMatchObject({ chosen: 'n2' })
  })
})
