// What is known of a drill of the watchdog, and of the watchdog for whoever looks back after a reset. Plain data.

/**
 * A drill that this boot has begun. `begun`: nothing is started and, once armed, nothing feeds any more in this boot.
 * `unfired`: the same, for good: the device has not ended it. `over`: it never came to that.
 */
export type JournaledDrill = { uid: string; state: 'begun' | 'unfired' | 'over' }

/** Whether the watchdog counts, and why it is not fed although it does. */
export type LifeNote = { armed: boolean; unfed: string | null }

/**
 * `writing`: it must be on disk before anything is done. `arming`. `unfed`: the device counts, and nobody feeds it.
 * `inherited`: an earlier process of this boot began it; how far is not known, so this one never touches the device.
 */
export type LocalDrill = {
  phase: 'writing' | 'arming' | 'unfed' | 'inherited'
  /** Journal version that says that it has begun. */
  version: number
  /** Since when nobody feeds, as far as this process knows. */
  fedMs: number
  beatMs: number
}
