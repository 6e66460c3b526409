// Secrets that others present to us. Only their hash is stored; the secret itself is shown once.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Random } from '../../shared/random.ts'

export type SecretKind = 'operator' | 'join' | 'node'

const prefixes: Record<SecretKind, string> = { operator: 'hfo_', join: 'hfj_', node: 'hfn_' }

/** A new secret of a kind; its prefix lets people and scanners tell what leaked. 192 random bits. */
export function newSecret(random: Random, kind: SecretKind): string {
  return prefixes[kind] + random.secret(24)
}

/** What is stored of a secret. Plain SHA-256: the secret is random, so nothing is gained by a slow hash. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Compares two hashes of `hashSecret` in constant time. */
export function sameHash(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
