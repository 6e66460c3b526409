// Assertions that stay on in production: a broken one is a bug of ours, never bad input from others.

/** Throws an `AssertionError` with `sentence` unless `condition` holds. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new AssertionError(sentence)
}

/** Marks a branch the type system says cannot be reached. */
export function assertNever(value: never, sentence: string): never {
  throw new AssertionError(`${sentence}: ${JSON.stringify(value)}`)
}

export class AssertionError extends Error {
  override name = 'AssertionError'
}
