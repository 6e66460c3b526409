// The agent counts its lease on CLOCK_BOOTTIME: the clock that goes on through suspend and never steps (rule 2, M5).
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { systemClock, systemTimers } from '../../shared/clock.ts'

const uptimeMs = () => Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000

test('bootMs is the boot time of the machine, to within the step of /proc/uptime (M5)', () => {
  const clock = systemClock()
  for (let look = 0; look < 200; look += 1) {
    const before = uptimeMs()
    const now = clock.bootMs()
    expect(now).toBeGreaterThanOrEqual(before - 1)
    expect(now).toBeLessThanOrEqual(uptimeMs() + 31)
  }
})

test('bootMs never goes back', () => {
  const clock = systemClock()
  let last = 0
  for (let look = 0; look < 2_000; look += 1) {
    const now = clock.bootMs()
    expect(now).toBeGreaterThanOrEqual(last)
    last = now
  }
})

const shifted = ['--user', '--map-root-user', '--time', '--boottime', '86400', '--fork']
const mayShift = spawnSync('unshare', [...shifted, 'true']).status === 0
const why = mayShift ? '' : ' (skipped: no time namespace may be made here)'

test.skipIf(!mayShift)(
  `bootMs follows CLOCK_BOOTTIME where it runs ahead of CLOCK_MONOTONIC, as after a suspend (M5)${why}`,
  () => {
    const clock = fileURLToPath(new URL('../../shared/clock.ts', import.meta.url))
    const script = `import { systemClock } from ${JSON.stringify(clock)}
      const fineMs = Number(process.hrtime.bigint() / 1000000n)
      process.stdout.write(String(systemClock().bootMs() - fineMs))`
    const args = [...shifted, process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' })
    expect(Number(stdout), stderr).toBeGreaterThan(86_400_000 - 1_000)
  },
)

test.each([0, 1, -5])(
  'a timer that was cleared is never called, one that was not is, once (%i ms)',
  async (ms) => {
    const called: string[] = []
    systemTimers.clear(systemTimers.set(() => called.push('cleared'), ms))
    const timer = systemTimers.set(() => called.push('kept'), ms)
    await new Promise<void>((resolve) => systemTimers.set(resolve, 20))
    systemTimers.clear(timer)
    systemTimers.clear(null)
    expect(called).toEqual(['kept'])
  },
)
