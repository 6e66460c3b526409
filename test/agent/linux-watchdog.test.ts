// The kernel's device, played: what cannot be set or closed goes on counting, and nobody says otherwise.
import { expect, test, vi } from 'vitest'

const device = vi.hoisted(() => ({ written: [] as string[], closed: 0, ioctlFails: false }))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>()
  const character = { isCharacterDevice: () => true, rdev: (10 << 8) | 130 }
  return {
    ...real,
    statSync: () => character,
    fstatSync: () => character,
    openSync: () => 99,
    closeSync: () => void device.closed++,
    writeSync: (_file: number, text: string) => device.written.push(text),
    readFileSync: (path: string) =>
      path.endsWith('identity') ? 'i6300ESB timer' : path.endsWith('nowayout') ? '0' : 'active',
  }
})
vi.mock('../../agent/watchdog/device-ioctl.ts', () => ({
  magicCloseOption: 0x0100,
  setTimeoutOption: 0x0080,
  setUpDevice: (_file: number, timeoutSeconds: number) => {
    if (device.ioctlFails) throw new Error('perl: spawnSync perl EAGAIN')
    return { options: 0x8180, timeoutSeconds }
  },
}))
const { linuxWatchdog } = await import('../../agent/watchdog/linux.ts')
const clock = { bootMs: () => 1_000, wallMs: () => 0, quickMs: () => 0 }

test('a timeout that cannot be set leaves the countdown running: rule 11, no close without a release', () => {
  device.ioctlFails = false
  const watchdog = linuxWatchdog('/dev/watchdog0', clock)
  expect(watchdog.arm(10_000, 2_000)).toMatchObject({ ok: true })
  // Services run. The cluster's W changes, and the helper cannot be forked (memory).
  device.ioctlFails = true
  expect(watchdog.arm(8_000, 2_000)).toMatchObject({ ok: false })
  expect({ written: device.written, closed: device.closed }).toEqual({ written: [], closed: 0 })
})

test('nor does a new process close the countdown its predecessor left running over services', () => {
  Object.assign(device, { ioctlFails: true, written: [], closed: 0 })
  const watchdog = linuxWatchdog('/dev/watchdog0', clock)
  expect(watchdog.isRunning()).toBe(true)
  expect(watchdog.arm(10_000, 2_000)).toMatchObject({ ok: false })
  expect(device.written).toEqual([])
})

test('a close that the kernel did not carry out is not reported as done', () => {
  Object.assign(device, { ioctlFails: false, written: [], closed: 0 })
  const watchdog = linuxWatchdog('/dev/watchdog0', clock)
  expect(watchdog.arm(10_000, 2_000)).toMatchObject({ ok: true })
  const result = watchdog.close()
  // sysfs still says `active` (nowayout set since, or a driver that cannot stop).
  expect(watchdog.isRunning()).toBe(true)
  expect(result.ok).toBe(false)
})
