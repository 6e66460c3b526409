// Folders that tests write to and nothing is left of: a process that its runner ends runs no exit handlers.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, onTestFinished } from 'vitest'

/** An empty folder, gone when the file of tests, or the group of them, that asks for it is over. */
export function scratchFolder(name: string): string {
  return made(name, afterAll)
}

/** The same inside a test: gone with the test. */
export function scratchFolderOfTest(name: string): string {
  return made(name, onTestFinished)
}

function made(name: string, whenOver: (end: () => void) => void): string {
  const folder = mkdtempSync(join(tmpdir(), `holdfast-${name}-`))
  whenOver(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
