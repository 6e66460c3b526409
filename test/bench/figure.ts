// A measured figure: its samples, what the design asks of it, and whether that was met. Data and arithmetic only.

/** `of`: which statistic is held against the limit. */
export type Target = {
  of: 'p50' | 'p99' | 'max'
  is: 'at most' | 'at least'
  limit: number
}

export type Figure = {
  bench: string
  what: string
  unit: 'ms' | '/s' | 'MiB' | '%'
  runs: number
  min: number
  p50: number
  p99: number
  max: number
  targets: Target[]
  /** null: no target, told for the reader. */
  verdict: 'met' | 'missed' | null
  note: string
}

export type Measured = Pick<Figure, 'what' | 'unit'> & {
  samples: number[]
  targets?: Target[]
  note?: string
}

/** Nearest rank: the smallest sample that at least `share` of all samples do not exceed. */
export function quantile(sorted: number[], share: number): number {
  const rank = Math.max(1, Math.ceil(sorted.length * share))
  return sorted[rank - 1] ?? Number.NaN
}

export function median(samples: number[]): number {
  return quantile(
    samples.toSorted((a, b) => a - b),
    0.5,
  )
}

export function figure(bench: string, measured: Measured): Figure {
  const { what, unit, samples, targets = [], note = '' } = measured
  if (samples.length === 0) throw new Error(`${bench}: nothing was measured for "${what}"`)
  const sorted = samples.toSorted((a, b) => a - b)
  const of = {
    min: sorted[0] as number,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1) as number,
  }
  const isMet = targets.every((target) =>
    target.is === 'at most' ? of[target.of] <= target.limit : of[target.of] >= target.limit,
  )
  const verdict = targets.length === 0 ? null : isMet ? 'met' : 'missed'
  return { bench, what, unit, runs: samples.length, ...of, targets, verdict, note }
}

export const atMost = (of: Target['of'], limit: number): Target => ({ of, is: 'at most', limit })
export const atLeast = (of: Target['of'], limit: number): Target => ({ of, is: 'at least', limit })
