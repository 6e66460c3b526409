// The kernel's device, played: what cannot be set or closed goes on counting, and nobody says otherwise.
import { expect, test, vi } from 'vitest'

const device = vi.hoisted(() => ({
  written: [] as string[],
  closed: 0,
  ioctlFails: false,
  holder: null as { pid: number; name: string } | null,
}))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>()
  const character = { isCharacterDevice: () => true, rdev: (10 << 8) | 130 }
  return {
    ...real,
    statSync: () => character,
    fstatSync: () => character,
    openSync: () => {
      if (device.holder) throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' })
      return 99
    },
    closeSync: () => void device.closed++,
    writeSync: (_file: number, text: string) => device.written.push(text),
    readFileSync: (path: string) =>
      path.endsWith('identity') ? 'i6300ESB timer' : path.endsWith('nowayout') ? '0' : 'active',
  }
})
vi.mock('../../agent/watchdog/device-holder.ts', async (original) => ({
  ...(await original<typeof import('../../agent/watchdog/device-holder.ts')>()),
  findHolder: () => device.holder,
}))
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

test('a device that another program feeds is none of ours: class none with its name, until it is let go', () => {
  const systemd = { pid: 1, name: 'systemd' }
  Object.assign(device, { ioctlFails: false, written: [], closed: 0, holder: systemd })
  const watchdog = linuxWatchdog('/dev/watchdog0', clock)
  const info = watchdog.info(10_000)
  expect(info).toMatchObject({ class: 'none', identity: 'i6300ESB timer' })
  expect(info.note).toMatch(/held by systemd \(pid 1\).*RuntimeWatchdogSec=0/)
  const armed = watchdog.arm(10_000, 2_000)
  expect(armed).toMatchObject({ ok: false, open: false, why: info.note })
  device.holder = null
  expect(watchdog.info(10_000).class).toBe('qualified')
  expect(watchdog.arm(10_000, 2_000)).toMatchObject({ ok: true })
  // What we hold ourselves is not looked for again.
  device.holder = systemd
  expect(watchdog.info(10_000).class).toBe('qualified')
  device.holder = null
})
