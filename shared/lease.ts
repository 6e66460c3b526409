// Lease arithmetic as the agent does it. Pure; all times are milliseconds of the agent's CLOCK_BOOTTIME.

/** A lease as the agent holds it: counted from `sentMs`, the moment before its renewal was handed to the HTTP client. */
export type HeldLease = {
  epoch: number
  sentMs: number
  leaseMs: number
  /** Of a virtual machine: its two clocks when this lease was asked for. */
  clocks?: ClockPair
}

/** CLOCK_BOOTTIME, and a clock that goes on while this machine is frozen together with it. */
export type ClockPair = { bootMs: number; outsideMs: number }

/** The plane epoch: one history of the database. Stale loses: agents refuse a lower number and an equal one with another uuid. */
export type PlaneEpoch = { number: number; uuid: string }

/** The last moment at which the watchdog may be fed under `lease`: t_s + L − F. */
export function feedUntilMs(lease: HeldLease, feedMarginMs: number): number {
  return lease.sentMs + lease.leaseMs - feedMarginMs
}

/** May the watchdog be fed now? The whole of rule 3 for a node that is not empty. */
export function mayFeed(lease: HeldLease | null, feedMarginMs: number, nowMs: number): boolean {
  return lease !== null && nowMs <= feedUntilMs(lease, feedMarginMs)
}

/** `later` replaces `held` only if it ends later: answers may arrive out of order. */
export function betterLease(held: HeldLease | null, later: HeldLease): HeldLease {
  if (held === null || held.epoch < later.epoch) return later
  if (held.epoch > later.epoch) return held
  return later.sentMs + later.leaseMs > held.sentMs + held.leaseMs ? later : held
}

/** What the agent must do with the plane epoch in an answer. */
export function judgePlaneEpoch(
  known: PlaneEpoch | null,
  told: PlaneEpoch,
): 'same' | 'newer' | 'stale' {
  if (known === null || told.number > known.number) return 'newer'
  if (told.number < known.number) return 'stale'
  return told.uuid === known.uuid ? 'same' : 'stale'
}
