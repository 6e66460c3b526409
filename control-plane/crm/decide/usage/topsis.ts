// TOPSIS: ranks alternatives by how near each is to the best and how far from the worst of all (Hwang and Yoon, 1981).
// Arithmetic only. All criteria are costs: the less, the better. Two passes over the alternatives, nothing kept of them.

/** Four costs of a cluster's load, in this order: CPU on the whole, the fullest CPUs, memory on the whole, the fullest memory. */
const weights = [1, 2, 5, 10] as const
const sumOfWeights = 18

/** What the first pass gathers over all alternatives. */
export type Field = {
  sumsOfSquares: Float64Array
  least: Float64Array
  most: Float64Array
}

/** A field with no alternatives in it. */
export function newField(): Field {
  return {
    sumsOfSquares: new Float64Array(4),
    least: new Float64Array(4).fill(Number.POSITIVE_INFINITY),
    most: new Float64Array(4).fill(Number.NEGATIVE_INFINITY),
  }
}

/** Takes an alternative into the field: its costs are the four from `at` on. */
export function enter({ sumsOfSquares, least, most }: Field, costs: Float64Array, at = 0): void {
  for (let k = 0; k < 4; k++) {
    const cost = costs[at + k]!
    sumsOfSquares[k] = sumsOfSquares[k]! + cost * cost
    if (cost < least[k]!) least[k] = cost
    if (cost > most[k]!) most[k] = cost
  }
}

/** What the second pass measures with. */
export type Measure = { norms: Float64Array; best: Float64Array; worst: Float64Array }

/** The measure of a field that has seen every alternative. */
export function measureOf({ sumsOfSquares, least, most }: Field): Measure {
  // Every cost is at least 1, so no norm is 0.
  const norms = sumsOfSquares.map(Math.sqrt)
  const normed = (costs: Float64Array) => costs.map((cost, k) => cost / norms[k]!)
  return { norms, best: normed(least), worst: normed(most) }
}

/** How good an alternative is, from 0 to 1; 0 as well where all are alike. */
export function closeness({ norms, best, worst }: Measure, costs: Float64Array, at = 0): number {
  let toBest = 0
  let toWorst = 0
  for (let k = 0; k < 4; k++) {
    const weight = weights[k]! / sumOfWeights
    const cost = costs[at + k]! / norms[k]!
    const fromBest = (cost - best[k]!) * weight
    const fromWorst = (cost - worst[k]!) * weight
    toBest += fromBest * fromBest
    toWorst += fromWorst * fromWorst
  }
  const fromWorst = Math.sqrt(toWorst)
  const distance = Math.sqrt(toBest) + fromWorst
  return distance === 0 ? 0 : fromWorst / distance
}
