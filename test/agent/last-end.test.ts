// How the life before this one ended is said from what is known, and no more than that.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { judgeLastEnd } from '../../agent/health/last-end.ts'
import { openLife } from '../../agent/health/life.ts'
import { createStallMeter } from '../../agent/health/stalls.ts'

const home = mkdtempSync(join(tmpdir(), 'holdfast-life-'))
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
const before = {
  ...{ bootId: 'boot-1', beganMs: 1_000, armed: true, unfed: null as string | null },
  ...{ changedMs: 2_000, left: null as number | null },
}
const now = { bootId: 'boot-2', bootStatus: 32, wallMs: 60_000 }

test('a reset by the watchdog says why it was not fed, and since when', () => {
  const end = judgeLastEnd({ ...before, unfed: 'its lease could not be renewed in time' }, now)
  expect(end).toMatchObject({ kind: 'watchdog-reset', bootStatus: 32 })
  expect(end?.why).toBe(
    'its watchdog reset it: not fed since 1970-01-01T00:00:02Z, because its lease could not be renewed in time; bootstatus 32 (CARDRESET)',
  )
})

test.each([
  [{ ...before }, now, 'watchdog-reset', 'the agent was killed or held up, or the machine hung'],
  [{ ...before, left: 1 }, now, 'watchdog-reset', 'its agent had left (code 1)'],
  [{ ...before, armed: false }, now, 'watchdog-reset', 'although its agent had none open'],
  [null, now, 'watchdog-reset', 'before this agent was ever there'],
  [{ ...before }, { ...now, bootStatus: 0 }, 'crashed', 'no power, a panic, a reset by hand;'],
  [
    { ...before },
    { ...now, bootStatus: null },
    'crashed',
    'or its watchdog, which keeps no record',
  ],
  [{ ...before, left: 0 }, { ...now, bootStatus: 0 }, 'shut-down', 'had left in order (code 0)'],
  [{ ...before }, { ...now, bootId: 'boot-1' }, 'agent-died', 'its watchdog was left counting'],
] as const)('of %j, found by %j: %s', (life, found, kind, words) => {
  const end = judgeLastEnd(life, found)
  expect(end?.kind).toBe(kind)
  expect(end?.why).toContain(words)
})

test('an agent that left in this same boot, or was never there, is nothing to tell of', () => {
  expect(judgeLastEnd({ ...before, left: 0 }, { ...now, bootId: 'boot-1' })).toBeNull()
  expect(judgeLastEnd(null, { ...now, bootStatus: 0 })).toBeNull()
})

test('two deaths in one boot are two ends, one told twice is one', () => {
  const same = { ...now, bootId: 'boot-1' }
  const first = judgeLastEnd(before, same)
  expect(judgeLastEnd(before, { ...same, wallMs: 70_000 })?.uid).toBe(first?.uid)
  expect(judgeLastEnd({ ...before, beganMs: 50_000 }, same)?.uid).not.toBe(first?.uid)
})

test('a life is noted while it lasts, and says that it left', async () => {
  const clock = { bootMs: () => 0, wallMs: () => 5_000, quickMs: () => 0 }
  const life = openLife(home, 'boot-1', clock)
  expect(life.before).toBeNull()
  life.note({ armed: true, unfed: 'a drill was asked for' })
  await vi.waitFor(() =>
    expect(JSON.parse(readFileSync(join(home, 'life.json'), 'utf8'))).toMatchObject({
      ...{ bootId: 'boot-1', armed: true, unfed: 'a drill was asked for' },
    }),
  )
  life.leave(0)
  expect(openLife(home, 'boot-2', clock).before).toMatchObject({ bootId: 'boot-1', left: 0 })
})

test('stalls are counted by how late a decision came, and forgotten after about an hour', () => {
  const meter = createStallMeter()
  meter.note(1_000, 1_005)
  meter.note(2_000, 2_700)
  meter.note(3_000, 3_000)
  const { worstMs, worstAgoMs, counts } = meter.read(4_000)
  expect({ worstMs, worstAgoMs }).toEqual({ worstMs: 700, worstAgoMs: 1_300 })
  expect(counts).toEqual([2, 0, 0, 0, 0, 0, 1, 0, 0])
  meter.note(3_700_000, 3_700_020)
  expect(meter.read(3_700_100)).toMatchObject({ worstMs: 20, counts: [0, 1, 0, 0, 0, 0, 0, 0, 0] })
})
