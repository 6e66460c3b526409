// The recorded decisions that lie beside the project, kind by kind. Without them the cases are reported as skipped.
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { compareDropped } from './dropped-rules.ts'
import { itemsIn, kindOf, kinds } from './judge.ts'
import { differencesInScenario } from './scenario-choices.ts'

const shared = path.resolve(import.meta.dirname, '../../../shared')
const isThere = existsSync(path.join(shared, 'vectors'))
const why = isThere ? '' : ' (skipped: there are no recordings in ../shared)'
const onRecordings = test.skipIf(!isThere)

const filesIn = (dir: string): string[] =>
  readdirSync(path.join(shared, dir), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(dir, entry.name)
    if (entry.isDirectory()) return filesIn(name)
    return name.endsWith('.json') ? [name] : []
  })

describe('recorded decisions of the reference', () => {
  for (const kind of kinds)
    onRecordings(`of kind ${kind.name} are ours too${why}`, () => {
      const items = filesIn('vectors').flatMap((file) =>
        itemsIn(path.join(shared, file)).flatMap((item, _, all) =>
          kindOf(item) === kind ? [{ file, item: item as object, all }] : [],
        ),
      )
      expect(items.length).toBeGreaterThan(0)
      for (const { file, item, all } of items)
        for (const { case: about, difference } of kind.judge(item, all))
          expect({ file, about, difference }).toEqual({ file, about, difference: null })
    })

  test('names of reasons that are none of ours stand for one of ours, on the same rules', () => {
    const ours = { a: [{ code: 'fewer_than_two_resources' }], b: [] }
    expect(compareDropped({ a: [{ code: 'too_small' }], b: [] }, ours)).toBeNull()
    expect(compareDropped({ a: [], b: [{ code: 'too_small' }] }, ours)).toMatchObject({
      what: 'dropped',
    })
    // What both have a name for is compared by it.
    const known = { a: [{ code: 'more_resources_than_nodes' }], b: [] }
    expect(compareDropped(known, ours)).not.toBeNull()
    const both = { a: [...known.a, { code: 'too_small' }], b: [] }
    expect(compareDropped(both, ours)).not.toBeNull()
    expect(compareDropped(both, { ...ours, a: [...ours.a, ...known.a] })).toBeNull()
  })

  onRecordings(`are all of a kind that is judged${why}`, () => {
    const unknown = filesIn('vectors').filter((file) =>
      itemsIn(path.join(shared, file)).some((item) => kindOf(item) === undefined),
    )
    expect(unknown).toEqual([])
  })

  onRecordings(`in whole scenarios weigh the same classes and partners${why}`, () => {
    const files = readdirSync(path.join(shared, 'vectors/placement'))
    const known = files.filter((file) => existsSync(path.join(shared, 'scenarios', file)))
    expect(known.length).toBeGreaterThan(0)
    for (const file of known) {
      const at = (dir: string) => path.join(shared, dir, file)
      const differences = differencesInScenario(at('scenarios'), at('vectors/placement'))
      expect({ file, differences }).toEqual({ file, differences: [] })
    }
  })
})
