// What is kept of each service from before its start until it has been stopped: the mark by which it is found again.
// Kept on disk, under the boot it was started in. What an earlier boot left behind says what to look for: no gate of
// the operating system keeps an enabled unit or a line in fstab from starting the same thing without the agent (S8).
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { ServiceType } from '../../../shared/names.ts'
import { replaceFile, writeFileDurably } from '../../files.ts'
import { Resource } from './resource.ts'

const Record = z.strictObject({
  sid: z.string(),
  generation: z.number().int().min(0),
  bootId: z.string(),
  /** `starting`: whether the start was whole is not known. */
  phase: z.enum(['starting', 'started']),
  /** In the order of their start. */
  resources: z.array(Resource).min(1),
})
export type Record = z.infer<typeof Record>

export type Records = {
  /** null: there is none. Throws if it cannot be read. */
  read(sid: string): Record | null
  sids(): string[]
  /** On disk before anything is started. */
  write(record: Record): Promise<void>
  /** For this boot only. */
  note(record: Record): void
  remove(sid: string): void
}

export function createRecords(directory: string, type: ServiceType): Records {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = (sid: string) => join(directory, `${sid}.json`)
  const textOf = (record: Record) => `${JSON.stringify(record)}\n`
  return {
    read(sid) {
      let text: string
      try {
        text = readFileSync(path(sid), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
      return Record.parse(JSON.parse(text))
    },
    sids: () =>
      readdirSync(directory)
        .filter((name) => name.startsWith(`${type}:`) && name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length)),
    write: (record) => writeFileDurably(path(record.sid), textOf(record)),
    note: (record) => replaceFile(path(record.sid), textOf(record)),
    remove: (sid) => rmSync(path(sid), { force: true }),
  }
}
