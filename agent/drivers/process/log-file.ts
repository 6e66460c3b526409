// Where a service's output goes: one file per service, kept small by copying it away and truncating it. The service
// writes in append mode, so it goes on at the new end; what it writes between copy and truncation is lost.
import { copyFile, rename, stat, truncate } from 'node:fs/promises'
import { openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export type LogLimits = { bytes: number; keep: number }
export const logLimits: LogLimits = { bytes: 10 * 1024 * 1024, keep: 3 }

/** Opens the log of a service for append. */
export function openLog(directory: string, sid: string): number {
  return openSync(logPath(directory, sid), 'a', 0o640)
}

export function logPath(directory: string, sid: string): string {
  return join(directory, `${sid.slice(sid.indexOf(':') + 1)}.log`)
}

/** Rotates every log that has grown past the limit. */
export async function rotateLogs(directory: string, limits: LogLimits): Promise<void> {
  for (const name of readdirSync(directory)) {
    if (!name.endsWith('.log')) continue
    const path = join(directory, name)
    try {
      if ((await stat(path)).size > limits.bytes) await rotate(path, limits.keep)
    } catch {
      // Bounded before kept: what cannot be copied away is cut all the same, and the others still get their turn.
      await truncate(path).catch(() => {})
    }
  }
}

async function rotate(path: string, keep: number): Promise<void> {
  for (let number = keep - 1; number >= 1; number--)
    await rename(`${path}.${number}`, `${path}.${number + 1}`).catch(ignoreMissing)
  await copyFile(path, `${path}.1`)
  await truncate(path)
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
