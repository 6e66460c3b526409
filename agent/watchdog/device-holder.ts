// Who else has a watchdog device open. The kernel lets one program have it, and says only that it is busy.
import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'

export type Holder = { pid: number; name: string }

/**
 * The process that has a file open which `isDevice` knows; null: none, or none that this user may look at. Links that do
 * not speak of a watchdog are passed over, so that a look costs little more than a list of the open files.
 */
export function findHolder(isDevice: (status: Stats) => boolean, proc = '/proc'): Holder | null {
  for (const entry of listed(proc)) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const files = join(proc, entry, 'fd')
    if (listed(files).some((file) => isHeld(join(files, file), isDevice)))
      return { pid, name: nameOf(join(proc, entry)) }
  }
  return null
}

/** What is to be said about it, and what to do. */
export function describeHolder(path: string, holder: Holder | null): string {
  if (holder === null)
    return `another program holds ${path}, and /proc does not tell which: look with lsof or fuser as root`
  const who = `${path} is held by ${holder.name} (pid ${holder.pid})`
  return `${who}: ${cureOf(holder)}`
}

function cureOf({ pid, name }: Holder): string {
  if (pid === 1)
    return 'set RuntimeWatchdogSec=0 in /etc/systemd/system.conf, or WatchdogDevice= to another device, then systemctl daemon-reexec'
  if (/^(sbd|watchdog|watchdogd|wd_keepalive|wdmd|sanlock)/.test(name))
    return `stop ${name} and disable its unit, since one program alone may feed the device`
  return 'end it, since one program alone may feed the device'
}

function isHeld(link: string, isDevice: (status: Stats) => boolean): boolean {
  try {
    return /watchdog/.test(readlinkSync(link)) && isDevice(statSync(link))
  } catch {
    return false
  }
}

function nameOf(directory: string): string {
  try {
    return readFileSync(join(directory, 'comm'), 'utf8').trim() || 'unknown'
  } catch {
    return 'unknown'
  }
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
