// A scenario for others: nothing of it says whose it is, and the CRM decides on it what it decided on the true cluster.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatChange } from '../../control-plane/cluster/change.ts'
import { checkInvariants } from '../../control-plane/cluster/check.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { anonymise } from '../../control-plane/crm/scenario/anonymise.ts'
import { otherNames } from '../../control-plane/crm/scenario/names.ts'
import { scenarioText } from '../../control-plane/crm/scenario/scenario-text.ts'
import { Settings } from '../../shared/settings.ts'
import { profiles } from '../../shared/timing.ts'
import { apart, aRule, together } from '../decide/build-rules.ts'
import { aCommand, aGroup, aNode, aService, buildView, silentNode } from '../decide/build-view.ts'
import { event, happen, names, sids } from '../decide/events.ts'
import { World } from '../decide/world.ts'
import { drawRules } from '../rules/draw-rules.ts'

/** True names for those of a test's world, in the same order. */
const trueNames: [RegExp, string][] = [
  [/\bn1\b/g, 'berlin'],
  [/\bn2\b/g, 'hamburg'],
  [/\bn3\b/g, 'munich'],
  [/process:a\b/g, 'process:accounts'],
  [/process:b\b/g, 'process:billing'],
  [/process:c\b/g, 'process:crm'],
  [/process:d\b/g, 'process:depot'],
]
const secrets = ['berlin', 'hamburg', 'munich', 'accounts', 'billing', 'depot', 'hush']

function underTrueNames(view: ClusterView): ClusterView {
  let text = JSON.stringify(view)
  for (const [pattern, name] of trueNames) text = text.replaceAll(pattern, name)
  return JSON.parse(text) as ClusterView
}

/** A line about the world under the names that its services, nodes and rules get. */
const asNumbered = (view: ClusterView) => {
  const other = otherNames(view)
  return (line: string) =>
    line
      .replaceAll(/\b(process:[a-d]|vm:10\d)\b/g, other.service)
      .replaceAll(/\bn[1-3]\b/g, other.node)
      .replaceAll(/\br\d\b/g, other.rule)
      .replaceAll('i6300esb', 'qualified')
}

describe('an anonymous view', () => {
  test('is decided on as the true one is, whatever happened before', () => {
    let decided = 0
    const lives = fc.record({
      rules: drawRules(3, sids, names),
      events: fc.array(event, { minLength: 3, maxLength: 8 }),
    })
    fc.assert(
      fc.property(lives, ({ rules, events }) => {
        const world = new World(names)
        world.view = { ...world.view, rules }
        world.onRound = (view) => {
          const lines = decide(view).changes.map(formatChange)
          if (lines.length === 0) return
          decided += 1
          const anonymous = anonymise(underTrueNames(view))
          const numbered = asNumbered(view)
          expect(checkInvariants(anonymous)).toEqual(checkInvariants(view).map(numbered))
          expect(decide(anonymous).changes.map(formatChange)).toEqual(lines.map(numbered))
          const text = JSON.stringify(anonymous) + scenarioText(anonymous)
          for (const secret of secrets) expect(text).not.toContain(secret)
        }
        for (const sid of sids) world.configure(sid, { requested: 'started' })
        world.run(3_000)
        for (const one of events) happen(world, one)
      }),
      { numRuns: Number(process.env.RUNS ?? 10) },
    )
    expect(decided).toBeGreaterThan(20)
  })

  test('keeps the order of names, however many there are', () => {
    const hosts = Array.from({ length: 12 }, (_, at) =>
      aNode(`host-${String(at * 7).padStart(3, '0')}`),
    )
    const anonymous = anonymise(buildView({ nodes: hosts }))
    expect(Object.keys(anonymous.nodes)).toEqual(
      hosts.map((_, at) => `n${String(at + 1).padStart(2, '0')}`),
    )
  })
})

describe('a scenario', () => {
  const view = buildView({
    cluster: { id: 9, uuid: 'hush-uuid', name: 'hush', development: false },
    settings: { ...Settings.parse({ profile: 'fast', timing: profiles.fast }), quorum: 'majority' },
    nodes: [
      aNode('berlin', { drivers: ['process', 'vm'] }),
      silentNode('hamburg', { state: 'unknown', virtual: true, note: 'hush' }, 3_000),
    ],
    groups: [aGroup('hush-group', { berlin: 2, hamburg: 0 }, { restricted: true })],
    rules: [
      { ...apart('hush-apart', ['process:billing', 'vm:erp']), comment: 'hush' },
      aRule('hush-affinity', ['vm:erp'], { berlin: 1, gone: 0 }, { strict: true, disabled: true }),
      together('hush-together', ['process:accounts', 'vm:none']),
    ],
    services: [
      aService('process:accounts', 'berlin', {
        status: { uid: '1.7.1' },
        config: {
          group: 'hush-group',
          maxRestart: 3,
          stopTimeoutMs: 5_000,
          spec: { command: ['hush'] },
        },
      }),
      aService('process:billing', 'hamburg', {
        status: { uid: '1.7.2', failedNodes: ['berlin'], note: 'hush' },
      }),
      aService('vm:erp', null, {
        config: { requested: 'disabled' },
        status: { uid: '1.7.3', state: 'stopped', running: false },
        grant: false,
      }),
    ],
    commands: [aCommand('relocate', 'process:accounts', { node: 'hamburg', reason: 'hush' })],
  })

  test('tells nodes, settings that are not the usual ones, groups, rules and services, one to a line', () => {
    const lines = scenarioText(anonymise(view)).split('\n')
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
      'nodes n1 n3',
      'setting profile fast',
      'setting quorum majority',
      'node n1 drivers process,vm cpus 4 memory 8000000000 watchdog-ms 10000',
      'node n3 drivers process cpus 4 memory 8000000000 virtual watchdog-ms 10000',
      'group g1 restricted on n1:2 n3',
      'rule r2 apart process:2 vm:1',
      'rule r1 disabled strict affinity vm:1 on n1:1 n2',
      'rule r3 together process:1 vm:2',
      'service process:1 started on n1 group g1 max-restart 3 stop-timeout 5000ms',
      'service process:2 started on n3',
      'service vm:1 disabled',
    ])
  })

  test('tells as comments what was otherwise and what was decided', () => {
    const text = scenarioText(anonymise(view))
    expect(text).toMatch(/^# {3}n3 is unknown; fence deadline in /m)
    expect(text).toMatch(/^# {3}process:2 is in started on n3, held by n3, failed on n1$/m)
    expect(text).toMatch(/^# {3}command relocate process:1 to n3 is pending$/m)
    expect(text).toMatch(/^# What is decided on that:\n# {3}\S/m)
  })

  test('holds nothing that people wrote or by which they could be known', () => {
    const text = JSON.stringify(anonymise(view)) + scenarioText(anonymise(view))
    for (const secret of [...secrets, 'erp', 'i6300esb', 'gone']) expect(text).not.toContain(secret)
  })
})
