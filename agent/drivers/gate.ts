// The start gate of services that another daemon starts (rule 12): a grant file in a directory that a reboot empties. What a
// driver installs on the host (unit drop-in, hook) lets a service start only while its file is there. Open only for as
// long as a start of this agent is under way: nothing that is enabled, triggered or restarted by others gets by.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../files.ts'

export type Gate = {
  /** Where the file of a service is, or would be: for what is installed on the host. */
  path(sid: string): string
  open(sid: string, generation: number): void
  close(sid: string): void
}

/**
 * @param directory on a file system that does not survive a reboot, such as /run
 * @param type the gates of this driver's services are closed at once: whatever an earlier process was about to start must
 * not begin any more
 */
export function createGate(directory: string, type: string, bootId: string): Gate {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const path = (sid: string) => join(directory, sid)
  for (const name of readdirSync(directory))
    if (name.startsWith(`${type}:`)) rmSync(path(name), { force: true })
  return {
    path,
    open: (sid, generation) => replaceFile(path(sid), `${generation} ${bootId}\n`),
    close: (sid) => rmSync(path(sid), { force: true }),
  }
}
