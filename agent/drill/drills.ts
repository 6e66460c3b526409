// What this node keeps of the drills of its watchdog, on its disk: the one that is under way, beat by beat, and the result
// of the last. Decides nothing: lrm/decide/drill.ts does, and judge-drill.ts judges.
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { DrillResult } from '../../shared/node-health.ts'
import { type Files, systemFiles } from '../files.ts'
import { type BegunDrill, judgeDrill, type NextBoot } from './judge-drill.ts'
import { nothingProved, type Proved, provedByBoth, provedByDrill } from './measured-factor.ts'

const Result = DrillResult.omit({ effectiveMs: true })
type Result = z.infer<typeof Result>

const proved = { highest: z.number().min(0), leastMs: z.number().min(0).default(0) }

const DrillFile = z.object({
  begun: z.object({
    ...{ uid: z.string(), bootId: z.string(), identity: z.string() },
    ...{ configuredMs: z.number(), claimedMs: z.number(), begunWallMs: z.number() },
    /** Hardware it was done on; null: an older agent did not write it down. */
    machine: z.string().nullable().default(null),
    // Unknown of a drill of an older agent: as if it had been so.
    wasReset: z.boolean().default(true),
  }),
  result: Result.nullable(),
  /** What is proved of the device, by the drills before as well. */
  ...proved,
  /** What is known of the devices drilled before this one, by identity: one that comes back is no better than it was. */
  others: z.record(z.string(), z.object({ ...proved, unfired: Result.nullable() })).default({}),
})
type DrillFile = z.infer<typeof DrillFile>

export type Drills = {
  /** Of the last drill that began, whatever became of it; null: none ever did. */
  readonly lastUid: string | null
  /** What all drills have proved of this device, on whatever hardware its record comes from. */
  proved: (identity: string) => Proved
  /** Of the last drill, if it was done on this machine. */
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

/** The drills of the data directory `home`. A damaged file is an error: to forget that a device is slow is not safe. */
export function openDrills(parts: {
  home: string
  clock: Clock
  /** Which hardware this is: a disk may come to stand in another machine, whose device nobody has drilled. */
  machine: string
  files?: Files
}): Drills {
  const { home, clock, machine, files = systemFiles } = parts
  const path = join(home, 'drill.json')
  const beatsPath = join(home, 'drill-beats')
  let file = readFile(files, path)
  let isUnwritten = false
  const isHere = (begun: DrillFile['begun']) => (begun.machine ?? machine) === machine

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
    proved: (identity) => (file ? provedOf(aboutDevice(file, identity)) : nothingProved),
    get result() {
      return file && isHere(file.begun) ? file.result : null
    },
    unfired: (identity) => aboutDevice(file, identity).unfired,
    settle(bootId, next) {
      if (!file || file.result !== null || file.begun.bootId === bootId) return
      const { begun } = file
      const { slackMs, ...judged } = judgeDrill(begun, files.readIfThere(beatsPath) ?? '', next)
      const known = provedOf(file)
      const { factor, leastMs } = provedByBoth(
        known,
        provedByDrill({ ...begun, ...judged, slackMs }),
      )
      const { uid, identity, configuredMs } = begun
      const atMs = Math.round(next.bootedWallMs)
      const result = { uid, identity, configuredMs, atMs, awayMs: null, ...judged }
      keep({ ...file, result, highest: factor, leastMs })
    },
    begin(drill) {
      const begun = { ...drill, machine, begunWallMs: clock.wallMs() }
      files.writeFileAtomically(beatsPath, '')
      const { highest, leastMs, others } = aboutDevice(file, drill.identity)
      const next = { begun, result: null, highest, leastMs, others }
      files.writeFileAtomically(path, `${JSON.stringify(next)}\n`)
      file = next
    },
    beat: (fedMs) => append(`b ${clock.bootMs()} ${fedMs}\n`),
    interrupt: () => append('x\n'),
    end({ uid, outcome, detail, identity }) {
      // It may have ended before it was written down here; what is known of the device stays.
      const blank = { bootId: '', configuredMs: 0, claimedMs: 0, begunWallMs: 0, wasReset: true }
      const known = file?.begun.identity === identity ? file.begun : { ...blank, identity }
      const begun = { ...known, uid, machine }
      const { highest, leastMs, others } = aboutDevice(file, identity)
      const { configuredMs } = begun
      const unknown = { livedAtLeastMs: null, livedAtMostMs: null, awayMs: null, bootStatus: null }
      const atMs = Math.round(clock.wallMs())
      keep({
        ...{ begun, highest, leastMs, others },
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

type AboutDevice = DrillFile['others'][string] & Pick<DrillFile, 'others'>

const provedOf = ({ highest, leastMs }: Pick<DrillFile, 'highest' | 'leastMs'>): Proved => ({
  factor: highest,
  leastMs,
})

/** What the record knows of one device, and the rest of what it knows. */
function aboutDevice(file: DrillFile | null, identity: string): AboutDevice {
  const blank = { highest: 0, leastMs: 0, unfired: null }
  if (file === null) return { ...blank, others: {} }
  const { begun, result, highest, leastMs } = file
  const unfired = result?.outcome === 'did-not-fire' ? result : null
  const all = { ...file.others, [begun.identity]: { highest, leastMs, unfired } }
  const { [identity]: known, ...others } = all
  return { ...(known ?? blank), others }
}

function readFile(files: Files, path: string): DrillFile | null {
  const text = files.readIfThere(path)
  if (text === null) return null
  const parsed = DrillFile.safeParse(JSON.parse(text))
  if (!parsed.success) throw new Error(`${path} is damaged: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}
