// Chance as an input: the one place where ids and jitter come from outside tests.
import { randomBytes, randomUUID } from 'node:crypto'

export interface Random {
  uuid(): string
  /** A number in [0, 1), for jitter. */
  float(): number
  /** `bytes` random bytes as base64url, for secrets. */
  secret(bytes: number): string
}

export function systemRandom(): Random {
  return {
    uuid: () => randomUUID(),
    float: () => Math.random(),
    secret: (bytes) => randomBytes(bytes).toString('base64url'),
  }
}
