// Reads what a witnessed service wrote and names every fault in it. It must never ask Holdfast anything.
import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'

/** How often a living service writes a line. */
export const beatMs = 50

const Line = z.strictObject({
  kind: z.enum(['start', 'beat', 'stop', 'refused']),
  atMs: z.number(),
  pid: z.number().int(),
  /** Boot id of the node it ran on. */
  boot: z.string().min(1),
  /** `<cluster>/<node uid>/<sid>/<generation>`, as the agent marks its processes. */
  mark: z.string().regex(/^[^/]+\/[^/]+\/[^/]+\/[0-9]+$/),
})
type Line = z.infer<typeof Line>

/** One life of the service. `endMs` is when it stopped or, for one that was killed, a beat after its last sign of life. */
export type Run = {
  pid: number
  boot: string
  nodeUid: string
  generation: number
  startMs: number
  lastMs: number
  endMs: number
  stopped: boolean
}

export type Overlap = { first: Run; second: Run; overlapMs: number }
export type Witness = { runs: Run[]; overlaps: Overlap[]; faults: string[] }

/** Reads a witness file. A file that was never written is a service that never ran. */
export function readWitness(file: string): Witness {
  return judge(existsSync(file) ? readFileSync(file, 'utf8') : '')
}

/** Judges the text of a witness file. */
export function judge(text: string): Witness {
  const faults: string[] = []
  const runs: Run[] = []
  const alive = new Map<string, Run>()
  const lines = text.split('\n')
  if (lines.pop() !== '') faults.push('the last line has no end')
  lines.forEach((written, index) => {
    const line = parse(written)
    if (line === null) faults.push(`line ${index + 1} is malformed: ${written.slice(0, 120)}`)
    else if (line.kind === 'refused')
      faults.push(`the lock was refused to pid ${line.pid} (${line.mark}): another copy was alive`)
    else follow(line, index + 1, { runs, alive, faults })
  })
  const overlaps = findOverlaps(runs)
  for (const { first, second, overlapMs } of overlaps)
    faults.push(
      `two copies ran for ${Math.round(overlapMs)} ms: ${describe(first)} and ${describe(second)}`,
    )
  return { runs, overlaps, faults }
}

function parse(written: string): Line | null {
  try {
    const result = Line.safeParse(JSON.parse(written))
    return result.success ? result.data : null
  } catch {
    return null
  }
}

type State = { runs: Run[]; alive: Map<string, Run>; faults: string[] }

function follow(line: Line, number: number, { runs, alive, faults }: State): void {
  const key = `${line.pid} ${line.boot} ${line.mark}`
  const [, nodeUid = '', , generation = ''] = line.mark.split('/')
  if (line.kind === 'start') {
    const { pid, boot, atMs } = line
    const times = { startMs: atMs, lastMs: atMs, endMs: atMs + beatMs }
    const run = { pid, boot, nodeUid, generation: Number(generation), ...times, stopped: false }
    runs.push(run)
    alive.set(key, run)
    return
  }
  const run = alive.get(key)
  if (run === undefined) {
    faults.push(`line ${number}: ${line.kind} of a run that never started, or had stopped`)
    return
  }
  if (line.atMs < run.lastMs) faults.push(`line ${number}: time went back in ${describe(run)}`)
  run.lastMs = Math.max(run.lastMs, line.atMs)
  run.endMs = run.lastMs + (line.kind === 'stop' ? 0 : beatMs)
  run.stopped = line.kind === 'stop'
  if (run.stopped) alive.delete(key)
}

/**
 * Every pair of runs of which the later one began before the earlier one had ended. A run that was killed counts a beat
 * longer than its last line, except against one of the same boot and generation: a local restart may follow at once.
 */
function findOverlaps(runs: Run[]): Overlap[] {
  const overlaps: Overlap[] = []
  const inOrder = runs.toSorted((a, b) => a.startMs - b.startMs)
  inOrder.forEach((second, index) => {
    for (const first of inOrder.slice(0, index)) {
      const isRestart = first.boot === second.boot && first.generation === second.generation
      const firstEndMs = isRestart ? first.lastMs : first.endMs
      if (second.startMs >= firstEndMs) continue
      const overlapMs = Math.min(firstEndMs, second.endMs) - second.startMs
      overlaps.push({ first, second, overlapMs })
    }
  })
  return overlaps
}

function describe(run: Run): string {
  const { pid, boot, generation, startMs, endMs } = run
  const from = `${Math.round(startMs)}…${Math.round(endMs)} ms`
  return `pid ${pid} (boot ${boot.slice(0, 8)}, generation ${generation}, ${from})`
}
