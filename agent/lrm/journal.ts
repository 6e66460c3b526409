// The agent's memory across its own restarts: one atomic file, and beside it a note of the last good lease.
// The note needs no fsync: it counts in the same boot only, where the kernel still has it.
import { join } from 'node:path'
import { z } from 'zod'
import type { HeldLease } from '../../shared/lease.ts'
import { serviceTypes } from '../../shared/names.ts'
import { watchdogClasses } from '../../shared/node.ts'
import { Desired, ManagedServices, OrderResult, PlaneEpochWire } from '../../shared/protocol.ts'
import { Timing } from '../../shared/timing.ts'
import { type Files, systemFiles } from '../files.ts'
import type { Journal, LeaseNote } from './decide/remembered.ts'

const generations = z.record(z.string(), z.number().int())

const JournalFile = z.object({
  bootId: z.string(),
  epoch: z
    .object({
      number: z.number().int(),
      seqReserved: z.number().int(),
      planeNumber: z.number().int(),
      watchdog: z.enum(watchdogClasses).optional(),
      drivers: z.array(z.enum(serviceTypes)).optional(),
      state: z.enum(['open', 'fenced', 'over', 'released', 'unknown']),
    })
    .nullable(),
  planeEpoch: PlaneEpochWire.nullable(),
  timing: Timing.nullable(),
  settings: z
    .object({
      onLeaseLoss: Desired.shape.onLeaseLoss,
      shutdownPolicy: Desired.shape.shutdownPolicy,
      maxWorkers: Desired.shape.maxWorkers,
    })
    .optional(),
  unarmed: z.literal(true).optional(),
  armedMs: z.number().min(0).default(0),
  started: generations,
  met: generations.optional(),
  unlooked: z.array(z.enum(serviceTypes)).optional(),
  closed: generations,
  answers: z.record(z.string(), OrderResult),
  adopted: z
    .record(z.string(), z.object({ foundAs: z.number(), generation: z.number() }))
    .optional(),
  restarted: z.record(z.string(), z.literal(true)),
  moving: z
    .record(
      z.string(),
      z.object({ generation: z.number().int(), uid: z.string(), isOver: z.boolean() }),
    )
    .default({}),
  drill: z.object({ uid: z.string(), state: z.enum(['begun', 'unfired', 'over']) }).optional(),
})

const LeaseFile = z.object({
  bootId: z.string(),
  lease: z.object({
    ...{ epoch: z.number(), sentMs: z.number(), leaseMs: z.number() },
    clocks: z.object({ bootMs: z.number(), outsideMs: z.number() }).optional(),
  }),
})

export type JournalStore = {
  read(): { journal: Journal | null; note: LeaseNote | null; managed: ManagedServices | null }
  write(journal: Journal): Promise<void>
  noteLease(lease: HeldLease): void
  /** The services of the cluster that somebody else could start here; across boots. */
  writeManaged(list: ManagedServices): Promise<void>
}

/** The journal in the data directory `home`. A damaged one is an error: to forget what was closed is not safe. */
export function createJournalStore(
  home: string,
  bootId: string,
  files: Files = systemFiles,
): JournalStore {
  const path = join(home, 'journal.json')
  const notePath = join(home, 'lease.json')
  return {
    read() {
      const text = files.readIfThere(path)
      const journal = text === null ? null : parseJournal(path, text)
      const note = readOrNull(files, notePath, LeaseFile) as LeaseNote | null
      return { journal, note, managed: readManaged(home, files) }
    },
    write: (journal) => files.writeFileDurably(path, `${JSON.stringify(journal)}\n`),
    writeManaged: (list) => files.writeFileDurably(managedIn(home), `${JSON.stringify(list)}\n`),
    noteLease: (lease) => files.replaceFile(notePath, `${JSON.stringify({ bootId, lease })}\n`),
  }
}

const managedIn = (home: string) => join(home, 'managed.json')

/** The services of the cluster, as the plane last told of those that others could start here; null: not known. */
export function readManaged(home: string, files: Files = systemFiles): ManagedServices | null {
  return readOrNull(files, managedIn(home), ManagedServices)
}

/** The timing of the cluster, as the plane last told it; null: not known. For people who look: the agent reads all of it. */
export function readTiming(home: string, files: Files = systemFiles): Timing | null {
  return readOrNull(files, join(home, 'journal.json'), z.object({ timing: Timing }))?.timing ?? null
}

function parseJournal(path: string, text: string): Journal {
  const parsed = JournalFile.safeParse(JSON.parse(text))
  if (!parsed.success) throw new Error(`${path} is damaged: ${z.prettifyError(parsed.error)}`)
  return parsed.data as Journal
}

/** What cannot be read is as good as none: the agent then waits for a lease of its own, and reads the list anew. */
function readOrNull<T>(files: Files, path: string, shape: z.ZodType<T>): T | null {
  try {
    const parsed = shape.safeParse(JSON.parse(files.readIfThere(path) ?? 'null'))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}
