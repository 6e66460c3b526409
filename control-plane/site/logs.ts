// The log files of a site's parts: appended to by the parts themselves, kept to a size by the site.
import { copyFileSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs'

const largestBytes = 10 * 1024 * 1024
const lookEveryMs = 60_000

/** A descriptor to hand to a child process. Append mode, so that the file can be cut short while it is open. */
export function openLog(path: string): number {
  const descriptor = openSync(path, 'a', 0o600)
  bound(path)
  setInterval(() => bound(path), lookEveryMs).unref()
  return descriptor
}

/** What a log says about its end, for a one-line complaint: its last error, else its last line. */
export function lastError(path: string): string {
  try {
    const lines = readFileSync(path, 'utf8')
      .slice(-8000)
      .split('\n')
      .filter((line) => /\S/.test(line))
    const error = lines.findLast((line) => /error|fatal|taken/i.test(line))
    return (error ?? lines.at(-1) ?? 'nothing logged').trim().slice(0, 300)
  } catch {
    return 'nothing logged'
  }
}

/** One older file is kept. A line written between the copy and the cut is lost. */
function bound(path: string): void {
  try {
    if (statSync(path).size < largestBytes) return
    copyFileSync(path, `${path}.1`)
    truncateSync(path)
  } catch {
    // A full disk must not end the site for the sake of a log.
  }
}
