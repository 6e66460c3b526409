// The seam to a clock that goes on while this machine is frozen: its hypervisor keeps it.
export interface OutsideClock {
  /** For people and for the plane: `rtc0`. */
  readonly name: string
  /** It shows whole steps of so many milliseconds. */
  readonly stepMs: number
  /**
   * Its time in milliseconds, of no known origin, rounded down to a step; null: it cannot be read now.
   * Synchronous, since what it says counts for the feed that follows in the same breath: it must take microseconds.
   */
  readMs(): number | null
}
