// What the launcher of each service writes down about itself before it becomes the service: boot id and its line of
// /proc/PID/stat. It finds services that overwrite their environment.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isGone, parseStat, type ProcessEntry } from './proc-table.ts'

export type RunFile = { sid: string; generation: number; main: ProcessEntry }

export type RunFiles = {
  path(sid: string, generation: number): string
  /** Those of this boot. */
  list(): RunFile[]
  remove(sid: string, generation: number): void
}

export function createRunFiles(directory: string, bootId: string): RunFiles {
  const path = (sid: string, generation: number) => join(directory, `${sid}.${generation}`)
  return {
    path,
    list() {
      return readdirSync(directory).flatMap((name) => {
        const dot = name.lastIndexOf('.')
        const main = readRunFile(join(directory, name), bootId)
        const generation = Number(name.slice(dot + 1))
        return main && dot > 0 ? [{ sid: name.slice(0, dot), generation, main }] : []
      })
    },
    remove(sid, generation) {
      rmSync(path(sid, generation), { force: true })
    },
  }
}

/** null: none of this boot. */
export function readRunFile(path: string, bootId: string): ProcessEntry | null {
  try {
    const text = readFileSync(path, 'latin1')
    if (!text.startsWith(`${bootId} `)) return null
    return parseStat(text.slice(bootId.length + 1))
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}
