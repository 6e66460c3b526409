// The note a process keeps of itself for whoever comes after it: that it began, whether the watchdog was fed and why not,
// and that it left. After a reset it tells why that came. Never on the way of anything: what cannot be written is left out.
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { type Files, systemFiles } from '../files.ts'
import type { LifeNote } from '../lrm/decide/drill-state.ts'

const LifeFile = z.object({
  bootId: z.string(),
  /** Wall clock. */
  beganMs: z.number(),
  armed: z.boolean(),
  unfed: z.string().nullable(),
  /** Wall clock of the last change of these two. */
  changedMs: z.number(),
})
/** A file of its own: a write of the other may be under way when a process leaves. */
const LeftFile = z.object({ bootId: z.string(), beganMs: z.number(), code: z.number() })

export type Life = z.infer<typeof LifeFile> & {
  /** Exit code of an orderly end; null: it has not come to that. */
  left: number | null
}

export type LifeStore = {
  /** Of the process before this one; null: none is known. */
  readonly before: Life | null
  /** A change while it lives: on disk soon, since a machine that is no longer fed has a while to live. */
  note(life: LifeNote): void
  /** It leaves. No wait for the disk: this process may be ending because of that one. */
  leave(code: number): void
}

/** The note in the data directory `home`, read and begun anew for this process. */
export function openLife(
  home: string,
  bootId: string,
  clock: Clock,
  files: Files = systemFiles,
): LifeStore {
  const path = join(home, 'life.json')
  const leftPath = join(home, 'left.json')
  const before = readLife(files, path, leftPath)
  const nowMs = clock.wallMs()
  let life = {
    bootId,
    beganMs: nowMs,
    armed: false,
    unfed: null as string | null,
    changedMs: nowMs,
  }
  let isWriting = false
  let isStale = false

  function write(): void {
    isStale = isWriting
    if (isWriting) return
    isWriting = true
    files
      .writeFileDurably(path, `${JSON.stringify(life)}\n`)
      .catch(() => undefined)
      .finally(() => {
        isWriting = false
        if (isStale) write()
      })
  }
  write()

  return {
    before,
    note({ armed, unfed }) {
      life = { ...life, armed, unfed, changedMs: clock.wallMs() }
      write()
    },
    leave(code) {
      const { beganMs } = life
      try {
        files.replaceFile(leftPath, `${JSON.stringify({ bootId, beganMs, code })}\n`)
      } catch {
        // The next process will take it for one that died.
      }
    },
  }
}

/** One that cannot be read is as good as none. */
function readLife(files: Files, path: string, leftPath: string): Life | null {
  const life = read(LifeFile, files, path)
  const left = read(LeftFile, files, leftPath)
  if (life === null) return null
  const isIts = left?.bootId === life.bootId && left.beganMs === life.beganMs
  return { ...life, left: isIts ? left.code : null }
}

function read<T extends z.ZodType>(schema: T, files: Files, path: string): z.infer<T> | null {
  try {
    const parsed = schema.safeParse(JSON.parse(files.readIfThere(path) ?? 'null'))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}
