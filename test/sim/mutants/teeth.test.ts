// The simulator has teeth: with any rule of the safety contract taken out, the world's own checks say so; with all of
// them in, the same schedules hold. `npm run teeth` tries seeds as well.
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { expect, test, vi } from 'vitest'
import { mutants } from './all.ts'
import { huntBySchedule } from './hunt.ts'
import { edited, editsByFile, editsOf, sourceOf, urlOf } from './mutant.ts'
import { schedules } from './schedules.ts'

/** A process each, on a machine that may have other work. */
vi.setConfig({ testTimeout: 120_000 })

test.each(mutants)('$name fits the sources, and is still TypeScript', (mutant) => {
  for (const part of ['behind', 'all'] as const)
    for (const [file, edits] of editsByFile(editsOf(mutant, part))) {
      const text = edited(sourceOf(file), edits)
      if (edits.length > 0) expect(text).not.toBe(sourceOf(file))
      expect(() => stripTypeScriptTypes(text)).not.toThrow()
    }
})

test.each(mutants.filter((one) => one.inPostgres))(
  'where the simulator has $name in memory, a test guards the rule in Postgres',
  ({ inPostgres }) => {
    const text = readFileSync(new URL(urlOf(inPostgres!.file)), 'utf8')
    expect(text).toContain(`'${inPostgres!.test}'`)
  },
)

test('every schedule is for a mutant', () => {
  const used = new Set(mutants.map((one) => one.schedule))
  expect(schedules.filter(({ name }) => !used.has(name))).toEqual([])
})

test.each(schedules)('$name holds with every rule in: $what', async (schedule) => {
  const world = await schedule.play()
  expect(world.checks.violations).toEqual([])
})

test.each(mutants.filter((one) => one.behind))(
  '$name: its schedule holds where only the second rules are gone',
  async (mutant) => {
    expect((await huntBySchedule(mutant, 'behind')).check).toBe('')
  },
)

test.each(mutants)('$name: the world’s checks miss that $guarantee', async (mutant) => {
  const { check } = await huntBySchedule(mutant)
  expect(check).not.toBe('')
  // A mutant that falls over shows nothing.
  expect(check).not.toMatch(/(Type|Reference|Syntax)Error/)
})
