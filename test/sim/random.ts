// Chance from a seed, one stream for each purpose: drawing more for one thing changes nothing for the others.
import { createHash } from 'node:crypto'
import type { Random } from '../../shared/random.ts'

export class Chance implements Random {
  private state: [number, number, number, number]
  private readonly seed: string

  constructor(seed: string) {
    this.seed = seed
    const digest = createHash('sha256').update(seed).digest()
    this.state = [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as typeof this.state
  }

  /** Another stream, of the same seed. */
  stream(name: string): Chance {
    return new Chance(`${this.seed}/${name}`)
  }

  /** In [0, 1): xoshiro128**. */
  float(): number {
    const s = this.state
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotate(s[3], 11)
    return result / 4_294_967_296
  }

  between(low: number, high: number): number {
    return low + this.float() * (high - low)
  }

  /** Any of 0 … below − 1. */
  below(below: number): number {
    return Math.floor(this.float() * below)
  }

  chance(probability: number): boolean {
    return probability > 0 && this.float() < probability
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  /** Waiting time until something that happens `perHour` times an hour. */
  waitMs(perHour: number): number {
    if (perHour <= 0) return Number.POSITIVE_INFINITY
    return (-Math.log(1 - this.float()) * 3_600_000) / perHour
  }

  uuid(): string {
    let hex = ''
    for (let word = 0; word < 4; word++)
      hex += Math.floor(this.float() * 4_294_967_296)
        .toString(16)
        .padStart(8, '0')
    const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  secret(bytes: number): string {
    return Buffer.from(Array.from({ length: bytes }, () => this.below(256))).toString('base64url')
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

/** Rate of a host's clock, within what the contract allows. */
export function drawnRate(chance: Chance): number {
  return 1 + chance.between(-0.009, 0.009)
}
