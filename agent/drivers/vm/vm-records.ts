// What this node writes down of its virtual machines, besides the marks on the domains. For this boot: how far a generation
// has come, so that a paused domain can be told from one that is being started or is still arriving. For ever: which
// domains are services, by name and uuid, for the start gate's hook.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readIfThere, replaceFile, writeFileAtomically } from '../../files.ts'

const VmRecord = z.strictObject({
  bootId: z.string(),
  sid: z.string(),
  generation: z.number().int(),
  uuid: z.string(),
  name: z.string(),
  /** `starting` and `incoming` until it has come alive here. */
  stage: z.enum(['starting', 'incoming', 'running']),
})
export type VmRecord = z.infer<typeof VmRecord>

export type VmRecords = {
  /** Those of this boot. */
  list(): VmRecord[]
  write(record: Omit<VmRecord, 'bootId'>): void
  remove(sid: string, generation: number): void
  /** The domain is a service of this node from now on. */
  know(sid: string, domain: { name: string; uuid: string }): void
  /** Whether the hook refuses this domain, as that service. */
  isKnown(sid: string, domain: { name: string; uuid: string }): boolean
  /** Every service a domain of which ever began here, with its uuid. */
  ever(): { sid: string; uuid: string }[]
  /** Uuids that the service has, or had. */
  uuidsOf(sid: string): string[]
  /** The service that a domain is; null: none of ours. */
  sidOf(uuid: string): string | null
}

export type RecordPaths = {
  /** Emptied by a reboot. */
  stages: string
  /** Kept: a file for each name and each uuid, with the service in it. */
  known: string
}

export function createVmRecords({ stages, known }: RecordPaths, bootId: string): VmRecords {
  for (const folder of [stages, known]) mkdirSync(folder, { recursive: true, mode: 0o755 })
  const path = (sid: string, generation: number) => join(stages, `${sid}.${generation}`)
  const list = () =>
    readdirSync(stages).flatMap((name) => {
      const read = VmRecord.safeParse(parsed(readIfThere(join(stages, name))))
      return read.success && read.data.bootId === bootId ? [read.data] : []
    })
  const ever = () =>
    readdirSync(known).flatMap((key) => {
      const sid = isUuid(key) ? readIfThere(join(known, key)) : null
      return sid === null ? [] : [{ sid, uuid: key }]
    })
  return {
    list,
    write: (record) =>
      replaceFile(path(record.sid, record.generation), JSON.stringify({ bootId, ...record })),
    remove: (sid, generation) => rmSync(path(sid, generation), { force: true }),
    know(sid, { name, uuid }) {
      for (const key of [name, uuid])
        if (readIfThere(join(known, key)) !== sid) writeFileAtomically(join(known, key), sid)
    },
    isKnown: (sid, { name, uuid }) =>
      [name, uuid].every((key) => readIfThere(join(known, key)) === sid),
    ever,
    uuidsOf: (sid) => [
      ...new Set([...list(), ...ever()].flatMap((one) => (one.sid === sid ? [one.uuid] : []))),
    ],
    sidOf: (uuid) => readIfThere(join(known, uuid)),
  }
}

function isUuid(key: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(key)
}

/** A file that is being replaced, or not whole, says nothing. */
function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}
