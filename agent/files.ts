// Files that are there whole or not at all, also after a power cut.
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Temporary file, fsync, rename, fsync of the directory. Mode 0600: data directories hold secrets. */
export function writeFileAtomically(path: string, text: string): void {
  const temporary = `${path}.new`
  const file = openSync(temporary, 'w', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

/** The same, without holding up this process while the disk is slow. One at a time for each path. */
export async function writeFileDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Whole or not at all for whoever reads it in this boot; after a power cut it may be gone. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`
  writeFileSync(temporary, text, { mode: 0o600 })
  renameSync(temporary, path)
}

/** One more line at its end, on disk when this returns. */
export function appendNow(path: string, line: string): void {
  const file = openSync(path, 'a', 0o600)
  try {
    writeSync(file, line)
    fdatasyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The file's text; null if there is none. Any other trouble is thrown: an unreadable journal is not an empty one. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** What the agent needs of a disk. `writeFileAtomically` and `appendNow` return once it is on disk. */
export type Files = {
  readIfThere(path: string): string | null
  writeFileDurably(path: string, text: string): Promise<void>
  replaceFile(path: string, text: string): void
  writeFileAtomically(path: string, text: string): void
  appendNow(path: string, line: string): void
}

export const systemFiles: Files = {
  ...{ readIfThere, writeFileDurably, replaceFile, writeFileAtomically, appendNow },
}
