// Every schedule has a test that carries its letter.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { schedules } from './schedules.ts'

/** Letters in the names of tests: they stand in parentheses, alone or among others. Scenarios are named in their first line. */
function lettersInNames(): Set<string> {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  const linesOf = (file: string) =>
    readFileSync(path.join(import.meta.dirname, file), 'utf8').split('\n')
  const names = files
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap(linesOf)
    .filter((line) => /['`]/.test(line) && !/^\s*(\/\/|\*)/.test(line))
  const scenarios = files.filter((file) => /^scenarios\/.*\.txt$/.test(file))
  const inParentheses = [...names, ...scenarios.map((file) => linesOf(file)[0]!)].flatMap(
    (line) => line.match(/\([^()]*\)/g) ?? [],
  )
  return new Set(inParentheses.flatMap((text) => text.match(/\b(S-A|S|M)\d+[a-e]?\b/g) ?? []))
}

test('every schedule that breaks a careless version has a test that carries its letter', () => {
  const found = lettersInNames()
  expect(Object.keys(schedules).filter((letter) => !found.has(letter))).toEqual([])
})
