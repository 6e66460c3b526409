// Every scenario of our own, by the sentence that it guarantees: played in virtual time under the checks of the simulated
// world, held to its expectations and to its golden trace. `npm run scenario -- --update` writes the traces anew.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { firstDifference, ownFolder, playScenario } from './play.ts'
import { parseScenario } from './parse.ts'

const files = readdirSync(ownFolder).sort()
const scenarios = files
  .filter((name) => name.endsWith('.txt'))
  .map((name) => {
    const file = path.join(ownFolder, name)
    return { name, file, ...parseScenario(readFileSync(file, 'utf8'), name) }
  })

describe('a scenario of our own', () => {
  for (const scenario of scenarios)
    test(`${scenario.name}: ${scenario.guarantee}`, async () => {
      const { trace, fault } = await playScenario(scenario, scenario.name)
      expect(fault).toBeNull()
      const golden = scenario.file.replace(/\.txt$/, '.trace')
      expect(firstDifference(readFileSync(golden, 'utf8'), trace, path.basename(golden))).toBeNull()
    })
})

test('there are at least 60 scenarios, among them one for each D-number, each with a trace and each trace with a scenario', () => {
  expect(scenarios.length).toBeGreaterThanOrEqual(60)
  const titles = scenarios.map(({ guarantee }) => guarantee).join('\n')
  const missing = Array.from({ length: 14 }, (_, at) => `D${at + 1}`).filter(
    (number) => !new RegExp(`\\b${number}\\b`).test(titles),
  )
  expect(missing).toEqual([])
  const other = { '.txt': '.trace', '.trace': '.txt' } as Record<string, string>
  const alone = files.filter((name) => {
    const { name: base, ext } = path.parse(name)
    return !existsSync(path.join(ownFolder, `${base}${other[ext] ?? ext}`))
  })
  expect(alone).toEqual([])
})
