// What this node keeps of the drills of its watchdog, on its disk: the one that is under way, beat by beat, and the result
// of the last. Decides nothing: lrm/decide/drill.ts does, and judge-drill.ts judges.
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { DrillResult } from '../../shared/node-health.ts'
import { type Files, systemFiles } from '../files.ts'
import { type BegunDrill, judgeDrill, type NextBoot } from './judge-drill.ts'
import { type Measured, provedFactor } from './measured-factor.ts'

const Result = DrillResult.omit({ effectiveMs: true })
type Result = z.infer<typeof Result>

const DrillFile = z.object({
  begun: z.object({
    ...{ uid: z.string(), bootId: z.string(), identity: z.string() },
    ...{ configuredMs: z.number(), claimedMs: z.number(), begunWallMs: z.number() },
    // Unknown of a drill of an older agent: as if it had been so.
    wasReset: z.boolean().default(true),
  }),
  result: Result.nullable(),
  /** Of the results before as well. */
  highest: z.number().min(0),
  /** What is known of the devices drilled before this one, by identity: one that comes back is no better than it was. */
  others: z
    .record(z.string(), z.object({ highest: z.number().min(0), unfired: Result.nullable() }))
    .default({}),
})
type DrillFile = z.infer<typeof DrillFile>

export type Drills = {
  /** Of the last drill that began, whatever became of it; null: none ever did. */
  readonly lastUid: string | null
  /** For the device's factor; null: no drill has ended here. */
  readonly measured: Measured | null
  readonly result: Result | null
  /** Of the drill in which this device did not fire; null: there was none. */
  unfired(identity: string): Result | null
  /** One that an earlier boot began is judged. Once, before anything else is asked. */
  settle(bootId: string, next: NextBoot): void
  /** Writes down that one begins: on disk when this returns. Throws if that fails. */
  begin(drill: Omit<BegunDrill, 'begunWallMs'>): void
  /** One more sign of life. A disk that takes none only makes the bound worse. */
  beat(fedMs: number): void
  /** Another process of its boot has taken over. */
  interrupt(): void
  /** It has ended in the boot that began it. */
  end(drill: EndedDrill): void
  /** The node has its lease, again after it or still. */
  noteBack(): void
}

export type EndedDrill = {
  uid: string
  outcome: 'did-not-fire' | 'not-armed'
  detail: string
  /** Of the device: it may have ended before it was written down here. */
  identity: string
}

const noResult = { outcome: 'unproved', livedAtLeastMs: null, livedAtMostMs: null } as const

/** The drills of the data directory `home`. A damaged file is an error: to forget that a device is slow is not safe. */
export function openDrills(home: string, clock: Clock, files: Files = systemFiles): Drills {
  const path = join(home, 'drill.json')
  const beatsPath = join(home, 'drill-beats')
  let file = readFile(files, path)
  let isUnwritten = false

  /** What cannot be written now counts as long as this process lives, and is judged again by the next. */
  function keep(next: DrillFile): void {
    file = next
    try {
      files.writeFileAtomically(path, `${JSON.stringify(next)}\n`)
      isUnwritten = false
    } catch {
      // A full disk must not keep an agent from its work.
      isUnwritten = true
    }
  }
  function append(line: string): void {
    try {
      files.appendNow(beatsPath, line)
    } catch {
      // A beat less: the machine is taken to have ended before it.
    }
  }

  return {
    get lastUid() {
      return file?.begun.uid ?? null
    },
    get measured() {
      if (!file) return null
      const { begun, result, highest, others } = file
      const { identity, configuredMs } = begun
      const { outcome, livedAtLeastMs, livedAtMostMs } = result ?? noResult
      const highestOfOthers = Object.fromEntries(
        Object.entries(others).map(([other, known]) => [other, known.highest]),
      )
      const bounds = { livedAtLeastMs, livedAtMostMs, highest, highestOfOthers }
      return { identity, configuredMs, outcome, ...bounds }
    },
    get result() {
      return file?.result ?? null
    },
    unfired: (identity) => aboutDevice(file, identity).unfired,
    settle(bootId, next) {
      if (!file || file.result !== null || file.begun.bootId === bootId) return
      const { begun } = file
      const { slackMs, ...judged } = judgeDrill(begun, files.readIfThere(beatsPath) ?? '', next)
      const proved = provedFactor({ ...begun, ...judged, slackMs })
      const { uid, identity, configuredMs } = begun
      const atMs = Math.round(next.bootedWallMs)
      const result = { uid, identity, configuredMs, atMs, awayMs: null, ...judged }
      keep({ ...file, result, highest: Math.max(file.highest, proved) })
    },
    begin(drill) {
      const begun = { ...drill, begunWallMs: clock.wallMs() }
      files.writeFileAtomically(beatsPath, '')
      const { highest, others } = aboutDevice(file, drill.identity)
      const next = { begun, result: null, highest, others }
      files.writeFileAtomically(path, `${JSON.stringify(next)}\n`)
      file = next
    },
    beat: (fedMs) => append(`b ${clock.bootMs()} ${fedMs}\n`),
    interrupt: () => append('x\n'),
    end({ uid, outcome, detail, identity }) {
      // It may have ended before it was written down here; what is known of the device stays.
      const blank = { bootId: '', configuredMs: 0, claimedMs: 0, begunWallMs: 0, wasReset: true }
      const known = file?.begun.identity === identity ? file.begun : { ...blank, identity }
      const begun = { ...known, uid }
      const { highest, others } = aboutDevice(file, identity)
      const { configuredMs } = begun
      const unknown = { livedAtLeastMs: null, livedAtMostMs: null, awayMs: null, bootStatus: null }
      const atMs = Math.round(clock.wallMs())
      keep({
        ...{ begun, highest, others },
        result: { uid, identity, configuredMs, atMs, outcome, detail, ...unknown },
      })
    },
    noteBack() {
      const result = file?.result
      if (!file || !result || result.awayMs !== null) return
      // SAFETY: the next boot must know it. This one starts nothing, and may wait for its disk.
      if (isUnwritten && result.outcome === 'did-not-fire') return keep(file)
      if (result.outcome !== 'fired' && result.outcome !== 'unproved') return
      const { begunWallMs, claimedMs } = file.begun
      const resetWallMs = begunWallMs + (result.livedAtLeastMs ?? claimedMs)
      const awayMs = Math.max(0, Math.round(clock.wallMs() - resetWallMs))
      keep({ ...file, result: { ...result, awayMs } })
    },
  }
}

type AboutDevice = { highest: number; unfired: Result | null; others: DrillFile['others'] }

/** What the record knows of one device, and the rest of what it knows. */
function aboutDevice(file: DrillFile | null, identity: string): AboutDevice {
  if (file === null) return { highest: 0, unfired: null, others: {} }
  const { begun, result, highest } = file
  const unfired = result?.outcome === 'did-not-fire' ? result : null
  const all = { ...file.others, [begun.identity]: { highest, unfired } }
  const { [identity]: known, ...others } = all
  return { ...(known ?? { highest: 0, unfired: null }), others }
}

function readFile(files: Files, path: string): DrillFile | null {
  const text = files.readIfThere(path)
  if (text === null) return null
  const parsed = DrillFile.safeParse(JSON.parse(text))
  if (!parsed.success) throw new Error(`${path} is damaged: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}
