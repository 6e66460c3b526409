// Scenario files say what is wrong with them, where, and what would be right; and no expectation holds by itself.
import { describe, expect, test } from 'vitest'
import { aNode, aService, buildView } from '../decide/build-view.ts'
import { anonymise } from '../../control-plane/crm/scenario/anonymise.ts'
import { scenarioText } from '../../control-plane/crm/scenario/scenario-text.ts'
import { Settings } from '../../shared/settings.ts'
import { kindOf } from './kind-of.ts'
import { parseScenario } from './parse.ts'
import { firstDifference, playScenario } from './play.ts'

const site = '# A guarantee.\nnodes n1 n2\nservice process:a started on n1\n'
const parse = (lines: string) => parseScenario(`${site}${lines}`, 'x.txt')
const play = (lines: string) => playScenario(parse(lines), 'x.txt')

describe('a line that cannot be read names its file, its number and what would be right', () => {
  test.each([
    ['explode n1', 'x.txt:4: explode n1: there is no verb explode; there are: '],
    [
      'cut n3',
      'x.txt:4: cut n3: there is no node n3, only n1 n2. Right would be: cut NODE [up|down]',
    ],
    [
      'run 5',
      'how long must be a length of time like 500ms, 30s or 5m, not 5. Right would be: run 60s',
    ],
    ['run 5s more', 'nothing may come after "run 5s", where more stands'],
    ['expect process:a state strated', 'a state must be one of stopped, request_stop, '],
    ['expect process:a running on n9', 'there is no node n9, only n1 n2'],
    ['expect within 5s', 'a condition is missing. Right would be: expect [within 60s'],
    ['expect refused because migrate process:a n2', 'when must come after'],
    ['service process:b sometimes', 'the requested state must be one of started, stopped, '],
    ['setting quorum most', 'quorum: Invalid option'],
    ['cut n1\nnodes n3', 'x.txt:5: nodes n3: nodes must stand before anything happens'],
    ['database explodes', 'the fault must be one of stall, restart, failover, step, rate'],
  ])('%s', (lines, message) => {
    expect(() => parse(lines)).toThrow(message)
  })

  test('a file without a guarantee, or without nodes', () => {
    expect(() => parseScenario('nodes n1\n', 'x.txt')).toThrow('x.txt:1: the first line must be')
    expect(() => parseScenario('# A guarantee.\n', 'x.txt')).toThrow('x.txt:1: there are no nodes')
  })
})

describe('what does not come true fails, with the line and how it is instead', () => {
  test.each([
    [
      'expect process:a running on n2',
      'x.txt:4: expect process:a running on n2: but process:a runs on n1',
    ],
    ['expect process:a not running', 'but process:a runs on n1'],
    ['expect within 5s process:a state error', 'but process:a is in state started on n1'],
    ['expect for 5s node n1 state unknown', 'but node n1 is online'],
    [
      'run 1s\nexpect always process:a running\nrun 1s\npower-off n1\nrun 1s',
      'x.txt:8: run 1s: what line 5 says is not so any more: process:a runs nowhere',
    ],
    [
      'expect never process:a running\nrun 1s',
      'x.txt:5: run 1s: what line 4 says must never be so is so',
    ],
    ['expect never process:a running', 'what line 4 says must never be so is so'],
    ['expect change process:a', 'but no change says so'],
    [
      'run 1s\nstop process:a\nrun 5s\nexpect no change process:a',
      'but a change says: process:a: ',
    ],
    ['expect evidence about n1', 'but there is none'],
    ['migrate process:a n7', 'x.txt:4: migrate process:a n7: it was refused: unknown-node'],
    ['expect refused unknown-node when migrate process:a n2', 'but it was accepted'],
    ['expect refused node-renews when migrate process:a n7', 'but it was refused as unknown-node'],
    ['expect command stop process:a done', 'but nobody commanded stop process:a'],
    ['expect process:a starts 1', 'but agents tried 0 times'],
    ['expect cluster disarmed', 'but it is not disarmed'],
    ['expect process:a held n2', 'but it is held by n1'],
    [
      'hang n1 for 20s\nby-hand move process:a n2\nrun 1s\nexpect process:a running on n1',
      'process:a runs on n2',
    ],
  ])('%s', async (lines, message) => {
    const { fault } = await play(lines)
    expect(fault).toContain(message)
  })

  test('a violation of safety fails whatever is expected', async () => {
    const scenario = parse('run 5s')
    scenario.steps.unshift({
      ...{ line: 4, text: 'a rogue start', isDeed: true },
      act: ({ world }) => world.node('n2').guests.start('process:a', 1, 10, 'running'),
    })
    const { fault } = await playScenario(scenario, 'x.txt')
    expect(fault).toMatch(/safety was violated: process:a starts on n2 as generation 1/)
  })
})

test('a scenario goes the same way each time, and a trace that differs is told by its first line', async () => {
  const lines = 'power-off n1\nrun 90s\nexpect process:a running on n2'
  const [one, two] = [await play(lines), await play(lines)]
  expect(one.fault).toBeNull()
  expect(firstDifference(one.trace, two.trace, 'x.trace')).toBeNull()
  const other = one.trace.replace('power lost', 'power found')
  expect(firstDifference(other, one.trace, 'x.trace')).toMatch(
    /^x\.trace:\d+: was ".*power found", is ".*power lost"$/,
  )
  expect(firstDifference(`${one.trace}more`, one.trace, 'x.trace')).toMatch(/was "more", is ""$/)
})

describe('what export-scenario writes is a scenario, and plays', () => {
  const view = anonymise(
    buildView({
      settings: { ...Settings.parse({ quorum: 'majority' }), maxWorkers: 2 },
      nodes: [aNode('berlin', { drivers: ['process', 'vm'] }), aNode('munich', { virtual: true })],
      services: [
        aService('process:web', 'berlin', { config: { maxRestart: 3, stopTimeoutMs: 5_000 } }),
      ],
    }),
  )
  const text = scenarioText(view)
  test.each([
    ['as text', text],
    ['with --json', JSON.stringify({ scenario: text, view: null })],
    ['with --view', JSON.stringify(view, null, 2)],
  ])('%s', async (_, written) => {
    const content = kindOf(written)
    if (content.kind !== 'scenario') throw new Error('it was taken for a recording')
    const scenario = parseScenario(content.text, 'exported.txt')
    expect(scenario.declared.settings.quorum).toBe('majority')
    const { fault, trace } = await playScenario(scenario, 'exported.txt')
    expect(fault).toBeNull()
    expect(trace).toContain('process:1 is started on n1')
  })
})
