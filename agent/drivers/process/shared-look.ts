// One look at the whole host for everyone who asks in the same turn of the event loop. Must never serve a later turn:
// whoever looks twice must see the host twice.

/** `look`, called at most once in each turn; one that throws is not remembered. */
export function sharedLook<T>(look: () => T): () => T {
  let seen: { what: T } | null = null
  return () => {
    if (seen !== null) return seen.what
    seen = { what: look() }
    setImmediate(() => {
      seen = null
    })
    return seen.what
  }
}
