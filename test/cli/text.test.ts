// What the tool reads and prints, without a plane.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { findContext } from '../../control-plane/cli/context.ts'
import { formatNodes, parseNodes } from '../../control-plane/cli/commands/group.ts'
import { formatConfig } from '../../control-plane/cli/commands/service-view.ts'
import { formatEvent, formatWhy } from '../../control-plane/cli/commands/story.ts'
import { formatDuration, parseDurationMs, parseMoment } from '../../control-plane/cli/duration.ts'
import { parseEvents } from '../../control-plane/cli/event-stream.ts'
import { formatFailure, refused } from '../../control-plane/cli/failure.ts'
import {
  formatBytes,
  parseBytes,
  parseDecimal,
  parseYesNo,
} from '../../control-plane/cli/option-value.ts'
import { formatDryRun } from '../../control-plane/cli/outcome-text.ts'
import { formatTable } from '../../control-plane/cli/table.ts'
import { visible } from '../../control-plane/cli/visible.ts'
import { scratchFolder } from '../scratch.ts'

describe('what is read', () => {
  test.each([
    ['30', 30_000],
    ['1.5s', 1_500],
    ['250ms', 250],
    ['2m', 120_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
  ])('the length of time %s is %i ms', (text, ms) => {
    expect(parseDurationMs(text, '--ttl')).toBe(ms)
  })

  test.each(['', 's', '-1', '1 week', '0x10', 'NaN'])('%j is no length of time', (text) => {
    expect(() => parseDurationMs(text, '--ttl')).toThrow('--ttl must be a length of time')
  })

  test.each([
    ['0', 0],
    ['1023', 1023],
    ['512M', 512 * 1024 ** 2],
    ['1536K', 1536 * 1024],
    ['4G', 4 * 1024 ** 3],
    ['2T', 2 * 1024 ** 4],
  ])('the size %s is %i bytes, and is shown so', (text, bytes) => {
    expect(parseBytes(text, '--memory')).toBe(bytes)
    expect(formatBytes(bytes)).toBe(text)
  })

  test.each([
    ['1.5 GiB', 1.5 * 1024 ** 3],
    ['2mb', 2 * 1024 ** 2],
    ['100b', 100],
  ])('the size %s is %i bytes, too', (text, bytes) => {
    expect(parseBytes(text, '--memory')).toBe(bytes)
  })

  test('what is no size, number or yes is refused with what would be', () => {
    for (const text of ['', '-1', '4X', '1e9', 'G', '9999999T'])
      expect(() => parseBytes(text, '--memory')).toThrow('--memory must be a size like 512M')
    expect(() => parseYesNo('maybe', '--failback')).toThrow('--failback must be yes or no')
    expect(['yes', '1', 'ON', 'no', '0', 'off'].map((text) => parseYesNo(text, 'x'))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ])
    expect(() => parseDecimal('1,5', '--cpus')).toThrow('--cpus must be a number')
  })

  const now = new Date(2030, 0, 31, 14, 0)
  test('a clock time is the next one, today or tomorrow', () => {
    expect(parseMoment('15:30', now)).toBe(new Date(2030, 0, 31, 15, 30).toISOString())
    expect(parseMoment('02:00', now)).toBe(new Date(2030, 1, 1, 2, 0).toISOString())
    expect(parseMoment('+30m', now)).toBe(new Date(2030, 0, 31, 14, 30).toISOString())
  })

  test.each(['yesterday', '25:00', '2030-13-01', '2030-01-30T10:00', '17'])(
    '%j is refused as a time for later',
    (text) => {
      expect(() => parseMoment(text, now)).toThrow()
    },
  )

  test('nodes of a group carry priorities', () => {
    expect(parseNodes('n1:2, n2:1,n3')).toEqual({ n1: 2, n2: 1, n3: 0 })
    expect(formatNodes({ n3: 0, n2: 1, n1: 2 })).toBe('n1:2,n2:1,n3')
    for (const wrong of ['', ',', 'n1:x', 'n1:2,n1:3']) expect(() => parseNodes(wrong)).toThrow()
  })

  test('events of a stream survive being cut anywhere', () => {
    const text =
      ': hello\n\nid: 7\ndata: {"line":"a"}\n\nevent: x\nid: 8\ndata: {"line":\ndata: "b"}\n\n'
    for (let cut = 0; cut <= text.length; cut++) {
      const first = parseEvents(text.slice(0, cut))
      const second = parseEvents(first.rest + text.slice(cut))
      expect([...first.events, ...second.events]).toEqual([
        { id: 7, data: { line: 'a' } },
        { id: 8, data: { line: 'b' } },
      ])
    }
  })
})

describe('the context', () => {
  const home = scratchFolder('context')
  const site = { url: 'http://127.0.0.1:8420', token: 'site-secret', cluster: 'local' }
  writeFileSync(path.join(home, 'context.json'), JSON.stringify(site))

  test('is that of the site on this machine where nothing else is said', () => {
    expect(findContext({}, { HOLDFAST_HOME: home })).toEqual({
      urls: ['http://127.0.0.1:8420'],
      token: 'site-secret',
      cluster: 'local',
    })
  })

  test('prefers flags to environment and environment to the file', () => {
    const env = { HOLDFAST_HOME: home, HOLDFAST_TOKEN: 'env', HOLDFAST_CLUSTER: 'env' }
    expect(findContext({ token: 'flag' }, env)).toMatchObject({ token: 'flag', cluster: 'env' })
  })

  test('never sends the token of the file to another host', () => {
    const env = { HOLDFAST_HOME: home, HOLDFAST_URL: 'https://plane.example' }
    expect(findContext({}, env)).toEqual({
      urls: ['https://plane.example'],
      token: null,
      cluster: null,
    })
    expect(findContext({ url: 'http://127.0.0.1:8421' }, { HOLDFAST_HOME: home }).token).toBe(
      'site-secret',
    )
    expect(
      findContext({ url: 'http://127.0.0.1:8421,http://10.0.0.9' }, { HOLDFAST_HOME: home }).token,
    ).toBe(null)
  })

  test('takes several addresses and refuses what is none', () => {
    expect(findContext({ url: 'http://a:1/, http://b:2' }, {}).urls).toEqual([
      'http://a:1',
      'http://b:2',
    ])
    expect(() => findContext({ url: 'plane:8420' }, {})).toThrow('is not an http or https address')
  })
})

describe('what is said', () => {
  test.each([
    [58_240, '58.2 s'],
    [-10, '-0.0 s'],
    [125_000, '2 min 5 s'],
    [12_000_000, '3 h 20 min'],
    [864_000_000, '10 days'],
  ])('%i ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  test('a service is printed in the format of the reference', () => {
    const config = {
      sid: 'process:web',
      requested: 'started' as const,
      spec: { command: ['/bin/sh', '-c', "echo 'hi'"], environment: { A: 'b c' } },
      group: 'east',
      maxRestart: 1,
      maxRelocate: 2,
      stopTimeoutMs: 5_000,
      failback: false,
      autoRebalance: true,
      figures: { cpus: 2, memoryBytes: 512 * 1024 ** 2 },
      node: null,
      adoptedFrom: null,
      comment: '',
      version: 3,
    }
    expect(formatConfig(config)).toBe(
      [
        'process:web',
        `\tcommand /bin/sh -c 'echo '\\''hi'\\'''`,
        '\tcpus 2',
        "\tenv A 'b c'",
        '\tfailback 0',
        '\tgroup east',
        '\tmax_relocate 2',
        '\tmax_restart 1',
        '\tmemory 512M',
        '\tstate started',
        '\tstop_timeout 5.0 s',
      ].join('\n'),
    )
  })

  test('why ends with where it stands and what it waits for', () => {
    const text = formatWhy({
      subject: 'process:web',
      now: 'fence on n2',
      waitsFor: 'evidence that n2 is dead, due in 7 s',
      story: [{ at: '2030-01-01T00:00:00.000Z', line: 'node n2: online → unknown (silent)' }],
      evidence: [
        {
          kind: 'watchdog-deadline',
          node: 'n2',
          epoch: 4,
          generation: null,
          decidedAt: '2030-01-01T00:01:00.000Z',
          facts: { guarded: true, leaseUntilMs: 1_893_456_000_250.5, effectiveMs: 3_000 },
        },
      ],
    })
    expect(text).toContain('node n2: online → unknown (silent)')
    expect(text).toMatch(
      /watchdog-deadline for lease epoch 4 on n2: guarded true, leaseUntil .*\d\d:00\.250, effectiveMs 3000/,
    )
    expect(text.endsWith('Now: fence on n2\nWaits: evidence that n2 is dead, due in 7 s')).toBe(
      true,
    )
  })

  test('an event names its reason once', () => {
    const event = {
      id: 9,
      at: '2030-01-01T00:00:00.000Z',
      round: 1,
      kind: 'node.state',
      sid: null,
      node: 'n2',
      why: 'silent',
    }
    expect(formatEvent({ ...event, line: 'node n2: online → unknown (silent)' })).toMatch(
      / {2}node n2: online → unknown \(silent\)$/,
    )
    expect(formatEvent({ ...event, line: 'node n2: online → unknown' })).toMatch(
      / {2}node n2: online → unknown \(silent\)$/,
    )
  })

  test('what others wrote cannot move the cursor of a terminal, or look like a line of its own', () => {
    const red = '\x1b[31mred\x1b[39m'
    expect(visible(`${red}\ta\nb`)).toBe(`${red}\ta\nb`)
    expect(visible('\x1b[2Jgone\x07[31m\r\x9b1A\x1b]0;title')).toBe(
      '\\x1b[2Jgone\\x07[31m\\x0d\\x9b1A\\x1b]0;title',
    )
    const table = formatTable(
      [{ comment: 'first \n second' }, { comment: 'x' }],
      [{ title: 'COMMENT', value: ({ comment }) => comment }],
    )
    expect(table.split('\n').slice(1)).toEqual(['first second', 'x'])
    expect(formatFailure('ha-manager', refused('no \x1b[2J'), false)).not.toContain('\x1b')
  })

  test('an error is one sentence, its fields and what to do; or one JSON object', () => {
    const failure = refused('the request is not valid', {
      code: 'invalid',
      advice: 'Do this.',
      fields: [{ field: 'sid', message: 'must be better' }],
    })
    expect(formatFailure('ha-manager', failure, false)).toBe(
      'ha-manager: the request is not valid\n  sid: must be better\nDo this.',
    )
    expect(JSON.parse(formatFailure('ha-manager', failure, true)).error).toMatchObject({
      code: 'invalid',
      advice: 'Do this.',
    })
  })

  test('a dry run says what would be done and what would wait', () => {
    expect(
      formatDryRun({
        dryRun: true,
        would: { status: 202, body: null },
        changes: ['a → b'],
        waits: { n2: 'evidence' },
      }),
    ).toBe(
      'Nothing was changed. It would be accepted, and the next round would do:\n  a → b\n  n2 waits: evidence',
    )
  })
})
