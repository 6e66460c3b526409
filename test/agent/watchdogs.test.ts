// What every watchdog owes to the decision that uses it, on the simulated one with a supervisor of a few lines; and what
// the kernel's devices must not be taken for.
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { chooseWatchdog } from '../../agent/choose-watchdog.ts'
import { readConfig } from '../../agent/config.ts'
import { openDrills } from '../../agent/drill/drills.ts'
import { lookUpDevice } from '../../agent/watchdog/known-devices.ts'
import { linuxWatchdog } from '../../agent/watchdog/linux.ts'
import { noWatchdog } from '../../agent/watchdog/none.ts'
import { simulatedWatchdog } from '../../agent/watchdog/simulated.ts'
import type { Watchdog } from '../../agent/watchdog/watchdog.ts'

let home: string
let reader: number
let nowMs: number
const bootId = 'boot-test-1'
const clock = { bootMs: () => nowMs, wallMs: () => 0, quickMs: () => 0 }

/** Everything written since the last look. */
function heard(): string {
  const buffer = Buffer.alloc(1_000)
  try {
    return buffer.subarray(0, readSync(reader, buffer)).toString()
  } catch {
    return ''
  }
}

const fifo = () => join(home, 'fifo')
const stateFile = () => join(home, 'state.json')
const simulated = () => simulatedWatchdog({ fifo: fifo(), stateFile: stateFile(), bootId, clock })
const armed = (value: boolean, boot = bootId) =>
  writeFileSync(stateFile(), JSON.stringify({ bootId: boot, armed: value, timeoutMs: 1 }))

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-watchdog-'))
  nowMs = 1_000
  expect(spawnSync('mkfifo', [fifo()]).status).toBe(0)
  reader = openSync(fifo(), constants.O_RDONLY | constants.O_NONBLOCK)
})
afterEach(() => {
  closeSync(reader)
  rmSync(home, { recursive: true, force: true })
})

describe('the simulated watchdog', () => {
  test('arms, feeds and closes with one line each', () => {
    const watchdog = simulated()
    expect(heard()).toBe('')
    expect(watchdog.arm(3_000, 2_000)).toEqual({ ok: true, effectiveMs: 3_000, canClose: true })
    expect(heard()).toBe('T3000\n')
    expect(watchdog.feed(2_000)).toBe('fed')
    expect(heard()).toBe('.\n')
    expect(watchdog.close()).toEqual({ ok: true })
    expect(heard()).toBe('V\n')
    expect(watchdog.feed(2_000)).toMatchObject({ failed: expect.any(String) })
    expect(heard()).toBe('')
  })

  test('is neither armed nor fed later than the limit that came with the decision (M4)', () => {
    const watchdog = simulated()
    nowMs = 2_001
    expect(watchdog.arm(3_000, 2_000)).toMatchObject({ ok: false })
    nowMs = 2_000
    expect(watchdog.arm(3_000, 2_000)).toMatchObject({ ok: true })
    nowMs = 2_001
    expect(watchdog.feed(2_000)).toBe('late')
    expect(heard()).toBe('T3000\n')
  })

  test('without a supervisor cannot be armed', () => {
    closeSync(reader)
    expect(simulated().arm(3_000, 2_000)).toMatchObject({ ok: false, open: false })
    reader = openSync(fifo(), constants.O_RDONLY | constants.O_NONBLOCK)
  })

  test('knows whether it runs without feeding it; another boot’s countdown is not its own; a doubt counts as running', () => {
    const watchdog = simulated()
    expect(watchdog.isRunning()).toBe(false)
    armed(true)
    expect(watchdog.isRunning()).toBe(true)
    armed(true, 'boot-test-0')
    expect(watchdog.isRunning()).toBe(false)
    writeFileSync(stateFile(), '{')
    expect(watchdog.isRunning()).toBe(true)
    expect(heard()).toBe('')
  })
})

test.each<[string, () => Watchdog]>([
  ['simulated', simulated],
  ['none', () => noWatchdog('test')],
])(
  '%s: describing it feeds nothing, closing one that was never opened is harmless',
  (_name, make) => {
    const watchdog = make()
    expect(watchdog.info(3_000).identity).toBeTruthy()
    expect(watchdog.close()).toEqual({ ok: true })
    expect(watchdog.feed(9_999)).not.toBe('fed')
    expect(heard()).toBe('')
  },
)

test('no watchdog can never be armed', () => {
  expect(noWatchdog('test').arm(1_000, 9_999)).toEqual({ ok: false, why: 'test', open: false })
  expect(noWatchdog('test').info(1_000)).toMatchObject({ class: 'none', effectiveMs: 0 })
})

describe('a device of the kernel', () => {
  test('is never a regular file, nor some other device, nor made', () => {
    writeFileSync(join(home, 'watchdog0'), '')
    expect(() => linuxWatchdog(join(home, 'watchdog0'), clock)).toThrow('not a character device')
    expect(() => linuxWatchdog('/dev/null', clock)).toThrow('not a watchdog device')
    expect(() => linuxWatchdog(join(home, 'watchdog1'), clock)).toThrow('ENOENT')
    expect(() => openSync(join(home, 'watchdog1'), 'r')).toThrow('ENOENT')
  })

  test('that cannot serve is no watchdog, with the reason', () => {
    const read = readConfig(['run', '--home', home, '--watchdog', '/dev/null'], {})
    if ('fault' in read) throw new Error(read.fault)
    expect(
      chooseWatchdog(read.config, clock, openDrills({ home, clock, machine: 'm1' })).info(1_000),
    ).toMatchObject({
      class: 'none',
      note: expect.stringContaining('/dev/null'),
    })
  })

  test('counts double where it is known to, or not known (S2)', () => {
    const table = ['iTCO_wdt', 'i6300ESB timer', 'Software Watchdog', 'something new']
    expect(
      table.map((identity) => [lookUpDevice(identity).factor, lookUpDevice(identity).class]),
    ).toEqual([
      [2, 'qualified'],
      [1, 'qualified'],
      [1, 'weak'],
      [2, 'qualified'],
    ])
  })
})

describe('the configuration', () => {
  test.each([
    [['run', '--home', 'relative'], 'absolute path'],
    [['fly', '--home', '/x'], 'command'],
    [['run', '--home', '/x', '--node', 'Bad Name'], 'node name'],
    [['run', '--home', '/x', '--url', 'ftp://x'], 'http'],
    [['run', '--home', '/x', '--watchdog', 'maybe'], '--watchdog'],
    [['run', '--home', '/x', '--watchdog', 'simulated'], 'HOLDFAST_BOOT_ID'],
    [['run', '--what'], '--what'],
  ])('%j is refused with the reason', (args, reason) => {
    expect(readConfig(args, {})).toEqual({ fault: expect.stringContaining(reason) })
  })

  test('takes its boot id from the environment only together with the simulated watchdog', () => {
    const environment = {
      ...{ HOLDFAST_BOOT_ID: 'boot-12345', HOLDFAST_WATCHDOG_FIFO: '/f' },
      HOLDFAST_WATCHDOG_STATE: '/s',
    }
    const real = readConfig(['run', '--home', '/x', '--watchdog', '/dev/watchdog0'], environment)
    expect(real).toMatchObject({ config: { simulated: null } })
    const virtual = readConfig(['run', '--home', '/x', '--watchdog', 'simulated'], environment)
    expect(virtual).toMatchObject({ config: { simulated: { bootId: 'boot-12345' } } })
  })
})
