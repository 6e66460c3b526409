// A machine's disk: what was synced survives a power loss, what was only written survives the process. It can fail and
// be full, and the power can go in the middle of a write.
import type { Files } from '../../agent/files.ts'
import type { Process } from './process.ts'
import type { Chance } from './random.ts'
import type { Scheduler } from './scheduler.ts'

type File = { synced: string | null; written: string | null }

export class Disk {
  latencyMs: [number, number] = [0.2, 4]
  /** Why no write succeeds now; null: they do. */
  fault: 'EIO' | 'ENOSPC' | null = null
  /** How many writes have failed or were lost. */
  failures = 0
  /** How often what an agent had written down was lost. */
  timesWiped = 0
  private readonly scheduler: Scheduler
  private readonly chance: Chance
  private readonly whole: Disk | null
  private readonly files = new Map<string, File>()
  /** Durable writes whose data is there and whose rename may not be. */
  private readonly writing = new Set<{ path: string; text: string }>()

  /** @param whole the disk that this is a part of, with a chance of its own: what is written here draws nothing there */
  constructor(scheduler: Scheduler, chance: Chance, whole: Disk | null = null) {
    this.scheduler = scheduler
    this.chance = chance
    this.whole = whole
  }

  read(path: string): string | null {
    return this.files.get(path)?.written ?? null
  }

  /** As the system calls of one process see it. */
  filesFor(process: Process): Files {
    return {
      readIfThere: (path) => this.read(path),
      replaceFile: (path, text) => {
        this.check()
        const synced = this.files.get(path)?.synced ?? null
        this.files.set(path, { synced, written: text })
      },
      writeFileAtomically: (path, text) => {
        this.check()
        this.writeSynced(path, text)
      },
      appendNow: (path, line) => {
        this.check()
        this.writeSynced(path, (this.read(path) ?? '') + line)
      },
      writeFileDurably: (path, text) =>
        new Promise((resolve, reject) => {
          const write = { path, text }
          this.writing.add(write)
          const ms = this.chance.between(...this.latencyMs)
          this.scheduler.quietlyAfter(ms, () => {
            // Power or process may have gone meanwhile.
            if (!this.writing.delete(write) || !process.isAlive) return
            try {
              this.check()
            } catch (error) {
              this.scheduler.after(0, () => process.do(() => reject(error as Error)))
              return
            }
            this.writeSynced(path, text)
            // Killed here, the file is there and nobody was told.
            this.scheduler.after(ms / 4, () => process.do(resolve))
          })
        }),
    }
  }

  writeSynced(path: string, text: string): void {
    this.files.set(path, { synced: text, written: text })
  }

  /** What was not synced may be lost, or not. */
  losePower(): void {
    for (const { path, text } of this.writing)
      if (this.chance.chance(0.5)) this.writeSynced(path, text)
    this.writing.clear()
    for (const [path, file] of this.files) {
      const text = this.chance.chance(0.5) ? file.written : file.synced
      this.files.set(path, { synced: text, written: text })
    }
  }

  /** The data directory is gone, as after a reinstallation or on a tmpfs. */
  wipe(paths: Iterable<string> = [...this.files.keys()]): void {
    this.failures += 1
    this.timesWiped += 1
    for (const path of paths) this.files.delete(path)
  }

  private check(): void {
    const fault = this.fault ?? this.whole?.fault
    if (!fault) return
    this.failures += 1
    this.scheduler.tally.note('disk faults met')
    throw Object.assign(new Error(fault), { code: fault })
  }
}
