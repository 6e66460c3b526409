// What a drill has shown, judged in the boot after it. Pure.
//
// How long a machine lives after its last feed cannot be seen from inside in its last moment, so it is bounded from both
// sides. *At least*: while it waits, unfed, the agent writes a beat to the disk every 100 ms, each synced before the next,
// with CLOCK_BOOTTIME as it stood before the write; the clock of the last feed is read after that feed. So the last beat
// that is found proves that much life: never too much, and too little by an interval and whatever the disk took for the
// last one (the widest gap between two beats stands for that: `slackMs`). *At most*: the kernel of the next boot began
// later than the reset, and its beginning is known by the wall clock (`btime`), as is a moment before the last feed. Firmware
// and loader come on top, a minute on some machines; and the two readings are of a clock that was kept by the RTC in
// between, which counts whole seconds: 2 s are added. A wall clock that was set in between may be wrong by anything: if
// the two bounds contradict each other, the upper one is not told; and it is told to people only, no W rests on it. An agent
// that ended during the drill has let the kernel feed once more at an unknown moment: then nothing is known but that the
// machine was reset.
import { bootStatusText, cardReset, type DrillResult } from '../../shared/node-health.ts'

/** Between two beats. */
export const beatEveryMs = 100
/** What wall clocks on both sides of a reset may differ by: whole seconds of the RTC, twice. */
const wallErrorMs = 2_000

/** So many times W without a word of the device: it did not fire. */
const farOver = 2

/** A drill that has begun: written before the device was armed for it. */
export type BegunDrill = {
  uid: string
  bootId: string
  identity: string
  configuredMs: number
  /** W as it was taken to be. */
  claimedMs: number
  /** Wall clock before its last feed. */
  begunWallMs: number
  /** Its device said already before it that it had reset the machine: some never take that back. */
  wasReset: boolean
}

/** The boot after it. */
export type NextBoot = { bootStatus: number | null; bootedWallMs: number }

export type Judged = Pick<
  DrillResult,
  'outcome' | 'livedAtLeastMs' | 'livedAtMostMs' | 'bootStatus' | 'detail'
> & { slackMs: number }

/**
 * @param beats the file of beats: `b CLOCK FED` a line, `x` where another process of that boot took over
 */
export function judgeDrill(begun: BegunDrill, beats: string, next: NextBoot): Judged {
  const { bootStatus } = next
  const hasFired = saysReset(bootStatus)
  const lived = livedAtLeast(beats)
  // SAFETY: so long after it should have fired, whatever reset the machine was not this device.
  const isFarOver = lived !== null && lived.ms > farOver * begun.claimedMs
  const outcome = hasFired ? 'fired' : isFarOver ? 'did-not-fire' : 'unproved'
  const bounds = { livedAtLeastMs: lived?.ms ?? null, livedAtMostMs: null as number | null }
  // What was said before says nothing of who ended this: a button may have, early, and nothing bounds it from above.
  if (lived !== null && !begun.wasReset) {
    const mostMs = Math.ceil(next.bootedWallMs - begun.begunWallMs + wallErrorMs)
    if (mostMs >= lived.ms) bounds.livedAtMostMs = mostMs
  }
  const detail = [
    describe(bounds),
    hasFired
      ? `its device says so: ${bootStatusText(bootStatus)}`
      : `its device does not say that it did it: ${bootStatusText(bootStatus)}`,
  ].join('; ')
  return { outcome, ...bounds, bootStatus, detail, slackMs: lived?.slackMs ?? 0 }
}

/** Whether the device says that it reset the machine. */
export function saysReset(bootStatus: number | null): boolean {
  return bootStatus !== null && (bootStatus & cardReset) !== 0
}

function describe(bounds: Pick<Judged, 'livedAtLeastMs' | 'livedAtMostMs'>): string {
  const { livedAtLeastMs, livedAtMostMs } = bounds
  if (livedAtLeastMs === null)
    return 'the machine was reset, when is not known: its agent ended while it waited'
  const most = livedAtMostMs === null ? '' : ` and at most ${seconds(livedAtMostMs)}`
  return `the machine was reset at least ${seconds(livedAtLeastMs)}${most} after its last feed`
}

const seconds = (ms: number) => `${Math.round(ms / 100) / 10} s`

function livedAtLeast(beats: string): { ms: number; slackMs: number } | null {
  // A last line without an end was being written: it is none.
  const lines = beats.split('\n').slice(0, -1)
  if (lines.includes('x')) return null
  const clocks = lines.map((line) => /^b (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)$/.exec(line))
  const read = clocks.flatMap((found) => (found ? [[Number(found[1]), Number(found[2])]] : []))
  const [first, last] = [read[0], read.at(-1)]
  if (!first || !last) return null
  let widestMs = beatEveryMs
  for (let i = 1; i < read.length; i++)
    widestMs = Math.max(widestMs, read[i]![0]! - read[i - 1]![0]!)
  return {
    ms: Math.max(0, Math.floor(last[0]! - first[1]!)),
    slackMs: Math.ceil(widestMs + beatEveryMs),
  }
}
