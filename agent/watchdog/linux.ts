// A watchdog device of the kernel, /dev/watchdogN.
// SAFETY: opening it, setting its timeout, writing to it, and its last close without `V` all restart the countdown.
// It is opened without O_CREAT and only if it is a character device, or a missing driver would leave us feeding a file.
// `V` is written where the caller asks to close it, and nowhere else but right after an opening that started it.
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import { countedFactor, nothingProved, type Proved } from '../drill/measured-factor.ts'
import { describeHolder, findHolder } from './device-holder.ts'
import { magicCloseOption, setTimeoutOption, setUpDevice } from './device-ioctl.ts'
import { lookUpDevice } from './known-devices.ts'
import type { ArmResult, CloseResult, FeedResult, Watchdog } from './watchdog.ts'

/**
 * The device at `path`. Throws with a clear reason if it cannot serve; the caller then has no watchdog.
 * @param provedOf what drills on this node have proved of a device
 */
export function linuxWatchdog(
  path: string,
  clock: Clock,
  provedOf: (identity: string) => Proved = () => nothingProved,
): Watchdog {
  const status = statSync(path)
  if (!status.isCharacterDevice()) throw new Error(`${path} is not a character device`)
  const sysfs = sysfsOf(path, status.rdev)
  const identity = read(sysfs, 'identity') ?? 'unknown'
  const known = lookUpDevice(identity)
  if (known.class === 'weak' && read(softdogPage, 'soft_noboot') === '1')
    throw new Error(`${identity} is loaded with soft_noboot=1: it resets nothing`)
  const proved = provedOf(identity)
  const factor = countedFactor(known.factor, proved)
  const note = factor === known.factor ? known.note : `measured: counts ${factor}-fold`
  const isRunning = () => read(sysfs, 'state') === 'active'
  const canClose = () => read(sysfs, 'nowayout') !== '1'
  let file: number | null = null

  /** Why it is not ours to open; null: nobody else has it, as far as can be seen. */
  function whyNotOurs(): string | null {
    // An earlier agent that ended leaves it counting, and open nowhere.
    if (file !== null || !isRunning()) return null
    const holder = findHolder((found) => isSameDevice(found.rdev, status.rdev))
    return holder && describeHolder(path, holder)
  }

  function open(): number {
    const opened = openSync(path, constants.O_WRONLY)
    if (fstatSync(opened).isCharacterDevice()) return opened
    closeSync(opened)
    throw new Error(`${path} is not a character device any more`)
  }

  function arm(timeoutMs: number, untilMs: number): ArmResult {
    const wasCounting = file !== null || isRunning()
    const fail = (why: string): ArmResult => {
      // What counted before goes on counting: it may be all that guards what runs here.
      if (file !== null && !wasCounting) close()
      return { ok: false, why, open: file !== null }
    }
    try {
      if (clock.bootMs() > untilMs) return fail('later than the lease allows')
      file ??= open()
      const wanted = Math.max(1, Math.floor(timeoutMs / 1000))
      const { options, timeoutSeconds } = setUpDevice(file, wanted)
      if ((options & magicCloseOption) === 0 || (options & setTimeoutOption) === 0)
        return fail(`${identity} has no magic close, or its timeout cannot be set`)
      const effectiveMs = Math.max(wanted, timeoutSeconds) * 1000 * factor
      return { ok: true, effectiveMs, canClose: canClose() }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'EBUSY') return fail(`${path}: ${message}`)
      return fail(
        describeHolder(
          path,
          findHolder(({ rdev }) => isSameDevice(rdev, status.rdev)),
        ),
      )
    }
  }

  function feed(untilMs: number): FeedResult {
    if (file === null) return { failed: 'not open' }
    try {
      if (clock.bootMs() > untilMs) return 'late'
      writeSync(file, '\0')
      return 'fed'
    } catch (error) {
      return { failed: (error as Error).message }
    }
  }

  function close(): CloseResult {
    if (file === null) return { ok: true }
    if (!canClose()) return { ok: false, why: `${identity} is set to nowayout` }
    try {
      writeSync(file, 'V')
      closeSync(file)
      file = null
      if (!isRunning()) return { ok: true }
      // The kernel has pinged it and lets it run: it has to be fed on.
      file = open()
      return { ok: false, why: `${identity} does not stop` }
    } catch (error) {
      return { ok: false, why: (error as Error).message }
    }
  }

  return {
    factor,
    leastMs: proved.leastMs,
    info: (timeoutMs) => {
      const holder = whyNotOurs()
      const seconds = Math.max(
        1,
        Math.floor(timeoutMs / factor / 1000),
        Math.ceil(proved.leastMs / 1000),
      )
      const effectiveMs = seconds * 1000 * factor
      // SAFETY: what another program feeds protects nothing of ours: this node cannot protect.
      if (holder !== null)
        return {
          class: 'none',
          identity: identity.slice(0, 200),
          effectiveMs,
          note: holder.slice(0, 500),
        }
      return {
        class: known.class,
        identity: identity.slice(0, 200),
        effectiveMs,
        ...(note ? { note } : {}),
      }
    },
    bootStatus() {
      const text = read(sysfs, 'bootstatus')
      return text !== null && /^\d+$/.test(text) ? Number(text) : null
    },
    isRunning,
    arm,
    feed,
    close,
  }
}

const softdogPage = '/sys/module/softdog/parameters'

/** /dev/watchdog and the node of the first device are two names of one. */
function isSameDevice(one: number, other: number): boolean {
  if (one === other) return true
  try {
    return realpathSync(sysfsOf('', one)) === realpathSync(sysfsOf('', other))
  } catch {
    return false
  }
}

/** The driver's own page. /dev/watchdog (misc 10:130) is the old name of the first device. */
function sysfsOf(path: string, rdev: number): string {
  const major = (rdev >> 8) & 0xfff
  const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00)
  const sysfs =
    major === 10 && minor === 130
      ? '/sys/class/watchdog/watchdog0'
      : `/sys/dev/char/${major}:${minor}`
  if (read(sysfs, 'identity') === null)
    throw new Error(`${path} (${major}:${minor}) is not a watchdog device the kernel knows`)
  return sysfs
}

function read(directory: string, name: string): string | null {
  try {
    return readFileSync(join(directory, name), 'utf8').trim()
  } catch {
    return null
  }
}
