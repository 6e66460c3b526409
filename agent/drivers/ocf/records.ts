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
  phase: z.enum(['starting', 'started', 'incoming', 'taking', 'moving', 'sent']),
  /** In the order of their start. */
  resources: z.array(Resource).min(1),
})
export type Record = z.infer<typeof Record>

/**
 * How far it has come in this boot. `starting`: whether the start was whole is not known. `incoming`: a half that is open for
 * what a move sends; `taking`: whether that was taken up whole is not known. `moving`: whether it was sent off is not known;
 * `sent`: it was, and is never to run here again.
 */
export type Phase = Record['phase']

export type Records = {
  /** null: there is none. Throws if it cannot be read. */
  read(sid: string): Record | null
  sids(): string[]
  /** On disk before anything is started. */
  write(record: Record): Promise<void>
  /** How far it has come. Known in this boot only. */
  note(record: Record, phase: Exclude<Phase, 'starting'>): void
  remove(sid: string): void
}

const notable = ['started', 'incoming', 'taking', 'moving', 'sent'] as const

/**
 * @param directory on disk; a record in it is written once, so that no power cut finds it half written
 * @param notes on a file system that a reboot empties
 */
export function createRecords(directory: string, notes: string, type: ServiceType): Records {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  mkdirSync(notes, { recursive: true, mode: 0o700 })
  const path = (sid: string) => join(directory, `${sid}.json`)
  const note = (sid: string) => join(notes, sid)
  const noteOf = ({ generation, bootId }: Record, phase: Phase) =>
    [generation, bootId, ...(phase === 'started' ? [] : [phase])].join(' ')
  return {
    read(sid) {
      const text = readIfThere(path(sid))
      if (text === null) return null
      const record = Record.parse(JSON.parse(text))
      const noted = readIfThere(note(sid))
      const phase =
        noted === null ? undefined : notable.find((one) => noted === noteOf(record, one))
      return phase ? { ...record, phase } : record
    },
    sids: () =>
      readdirSync(directory)
        .filter((name) => name.startsWith(`${type}:`) && name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length)),
    write(record) {
      rmSync(note(record.sid), { force: true })
      return writeFileDurably(path(record.sid), `${JSON.stringify(record)}\n`)
    },
    note: (record, phase) => replaceFile(note(record.sid), noteOf(record, phase)),
    remove(sid) {
      rmSync(path(sid), { force: true })
      rmSync(note(sid), { force: true })
    },
  }
}
