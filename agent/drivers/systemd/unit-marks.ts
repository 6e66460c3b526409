// Under which generation a unit was started: a file for each service, on a file system that a reboot empties. Written before
// the gate opens; whatever runs behind that gate in this boot was started under the generation that is written there.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere, replaceFile } from '../../files.ts'
import type { Owner } from '../process/members.ts'

export type UnitMarks = {
  write(sid: string, unit: string, generation: number): void
  /** null: nothing of this boot and this node is written for it. */
  generation(sid: string, unit: string): number | null
  /** What was started in this boot and not ended. */
  list(): { sid: string; unit: string }[]
  remove(sid: string): void
}

export function createUnitMarks(directory: string, owner: Owner, bootId: string): UnitMarks {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const path = (sid: string) => join(directory, sid)
  const ours = `${owner.clusterUuid}/${owner.nodeUid} ${bootId} `
  const head = (unit: string) => `${ours}${unit} `
  return {
    write: (sid, unit, generation) => replaceFile(path(sid), `${head(unit)}${generation}\n`),
    generation(sid, unit) {
      const text = readIfThere(path(sid))
      if (!text?.startsWith(head(unit))) return null
      const generation = Number(text.slice(head(unit).length))
      return Number.isInteger(generation) ? generation : null
    },
    list: () =>
      (existsSync(directory) ? readdirSync(directory) : []).flatMap((sid) => {
        const text = readIfThere(path(sid))
        if (sid.endsWith('.new') || !text?.startsWith(ours)) return []
        return [{ sid, unit: text.slice(ours.length, text.lastIndexOf(' ')) }]
      }),
    remove: (sid) => rmSync(path(sid), { force: true }),
  }
}
