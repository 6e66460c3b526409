// What is kept of each service from before its start until it has been stopped: the mark by which it is found again.
// Kept on disk, under the boot it was started in. What an earlier boot left behind says what to look for: no gate of
// the operating system keeps an enabled unit or a line in fstab from starting the same thing without the agent (S8).
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { ServiceType } from '../../../shared/names.ts'
import { readIfThere, replaceFile, writeFileDurably } from '../../files.ts'
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
  /** Its start was whole. Known in this boot only. */
  noteStarted(record: Record): void
  remove(sid: string): void
}

/**
 * @param directory on disk; a record in it is written once, so that no power cut finds it half written
 * @param notes on a file system that a reboot empties
 */
export function createRecords(directory: string, notes: string, type: ServiceType): Records {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  mkdirSync(notes, { recursive: true, mode: 0o700 })
  const path = (sid: string) => join(directory, `${sid}.json`)
  const note = (sid: string) => join(notes, sid)
  const noteOf = ({ generation, bootId }: Record) => `${generation} ${bootId}`
  return {
    read(sid) {
      const text = readIfThere(path(sid))
      if (text === null) return null
      const record = Record.parse(JSON.parse(text))
      const isStarted = readIfThere(note(sid)) === noteOf(record)
      return isStarted ? { ...record, phase: 'started' } : record
    },
    sids: () =>
      readdirSync(directory)
        .filter((name) => name.startsWith(`${type}:`) && name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length)),
    write(record) {
      rmSync(note(record.sid), { force: true })
      return writeFileDurably(path(record.sid), `${JSON.stringify(record)}\n`)
    },
    noteStarted: (record) => replaceFile(note(record.sid), noteOf(record)),
    remove(sid) {
      rmSync(path(sid), { force: true })
      rmSync(note(sid), { force: true })
    },
  }
}
