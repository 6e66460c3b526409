// What the old manager was told is what is read: our own writer and the reader agree on everything, and no text whatsoever
// makes the reader throw or point at a line that is not there.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ImportFiles, importFileNames } from '../../control-plane/intake/import/findings.ts'
import { readFiles } from '../../control-plane/intake/import/read-files.ts'
import { linesOf } from '../../control-plane/intake/import/section-file.ts'
import { type Hand, writeFiles, type Written } from './write-files.ts'

const id = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{1,12}$/)
const sid = fc
  .tuple(fc.constantFrom('vm', 'ct'), fc.integer({ min: 10, max: 999_999_999 }))
  .map(([type, number]) => `${type}:${number}`)
const node = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}$/)
const nodes = fc.dictionary(node, fc.integer({ min: 0, max: 1000 }), { minKeys: 1, maxKeys: 4 })
// What a line cannot carry is percent-encoded by the writer; only the zero byte is refused.
const comment = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .map((text) => text.replaceAll('\0', ''))
const resources = fc.uniqueArray(sid, { minLength: 1, maxLength: 5 })
const share = fc.integer({ min: 0, max: 4999 }).map((n) => n / 1000)
const retries = fc.integer({ min: 0, max: 1000 })

const service = fc.record({
  sid,
  requested: fc.constantFrom('started', 'stopped', 'disabled', 'ignored' as const),
  group: fc.option(id),
  maxRestart: retries,
  maxRelocate: retries,
  failback: fc.boolean(),
  autoRebalance: fc.boolean(),
  comment,
})
const group = fc.record({
  name: id,
  nodes,
  restricted: fc.boolean(),
  nofailback: fc.boolean(),
  comment,
})
const common = { id, resources, disabled: fc.boolean(), comment }
const rule = fc.oneof(
  fc.record({
    ...common,
    type: fc.constant('node-affinity' as const),
    nodes,
    strict: fc.boolean(),
  }),
  fc.record({
    ...common,
    type: fc.constant('resource-affinity' as const),
    affinity: fc.constantFrom('positive', 'negative' as const),
  }),
)
const written: fc.Arbitrary<Written> = fc.record({
  services: fc.uniqueArray(service, { selector: (one) => one.sid.slice(3), maxLength: 6 }),
  groups: fc.uniqueArray(group, { selector: (one) => one.name, maxLength: 4 }),
  rules: fc.uniqueArray(
    rule.map((one) => ({ rule: one })),
    { selector: (one) => one.rule.id, maxLength: 4 },
  ),
  scheduling: fc.record({
    mode: fc.constantFrom('static', 'dynamic' as const),
    rebalanceOnStart: fc.boolean(),
    autoRebalance: fc.boolean(),
    method: fc.constantFrom('bruteforce', 'topsis' as const),
    threshold: share,
    holdRounds: fc.integer({ min: 0, max: 100 }),
    // More than the whole can only be percent.
    margin: fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000),
  }),
  shutdownPolicy: fc.constantFrom('conditional', 'freeze', 'failover', 'migrate' as const),
  maxWorkers: fc.integer({ min: 1, max: 64 }),
  status: fc.dictionary(
    sid,
    fc.record({ state: fc.constantFrom('started', 'stopped', 'error'), node }),
  ),
})
const hand: fc.Arbitrary<Hand> = fc.record({
  newline: fc.constantFrom('\n', '\r\n'),
  indent: fc.constantFrom('\t', '    ', ' '),
  yes: fc.constantFrom('1', 'on', 'yes', 'true'),
  no: fc.constantFrom('0', 'off', 'no', 'false'),
  comments: fc.boolean(),
})

test('what was written is read back, in any hand', () => {
  fc.assert(
    fc.property(written, hand, (what, how) => {
      const read = readFiles(writeFiles(what, how))
      expect(read.findings.faults).toEqual([])
      expect(read.services.map(withoutPlace)).toEqual(what.services)
      expect(read.groups.map(withoutPlace)).toEqual(what.groups)
      expect(read.rules.map(withoutPlace)).toEqual(what.rules)
      expect(read.settings).toMatchObject({
        scheduling: what.scheduling,
        shutdownPolicy: what.shutdownPolicy,
        maxWorkers: what.maxWorkers,
      })
      expect(Object.fromEntries(read.seen.services)).toEqual({ ...what.status })
    }),
    { numRuns: 300 },
  )
})

test('a damaged file is read to its end, and every finding names a line that is there', () => {
  const damage = fc.record({
    file: fc.constantFrom(...importFileNames),
    at: fc.nat(400),
    remove: fc.nat(30),
    insert: fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('\n', '\n\n', ': ', '\t', ',', '=', '%', '#'),
    ),
  })
  fc.assert(
    fc.property(written, hand, fc.array(damage, { maxLength: 6 }), (what, how, damages) => {
      const files = writeFiles(what, how)
      for (const { file, at, remove, insert } of damages) {
        const text = files[file] ?? ''
        files[file] = text.slice(0, at) + insert + text.slice(at + remove)
      }
      expectPlacesIn(files)
    }),
    { numRuns: 500 },
  )
})

test('no text is too strange', () => {
  const anything = fc.string({ unit: 'binary', maxLength: 300 })
  const json = fc.json().map((text) => `{"service_status": ${text}, "node_request": ${text}}`)
  fc.assert(
    fc.property(anything, anything, anything, fc.oneof(anything, json), (a, b, c, d) => {
      expectPlacesIn({
        'resources.cfg': a,
        'groups.cfg': b,
        'rules.cfg': c,
        'datacenter.cfg': a + b,
        manager_status: d,
      })
    }),
    { numRuns: 500 },
  )
})

function expectPlacesIn(files: ImportFiles): void {
  const { faults, notes } = readFiles(files).findings
  for (const { file, line, message } of [...faults, ...notes]) {
    expect(line).toBeGreaterThan(0)
    expect(line).toBeLessThanOrEqual(linesOf(files[file] ?? '').length)
    expect(message).not.toBe('')
  }
}

function withoutPlace<T extends { file: string; line: number }>(given: T) {
  const { file: _, line: __, ...rest } = given
  return rest
}
