// What the local resource manager knows of its watchdog. Plain data.
import type { WatchdogClass } from '../../../shared/node.ts'

export type WatchdogView = {
  class: WatchdogClass
  /** The plane was told of another class with this epoch. */
  isNews?: boolean
  /** W: as armed, or as it would be. */
  effectiveMs: number
  /** Effective timeout for each configured millisecond (iTCO fires at twice its setting). */
  factor: number
  /** It is set to no shorter timeout; 0: to any. */
  leastMs: number
  /** The timeout last asked for. */
  configuredMs: number
  /** Held open by this process. */
  open: boolean
  /** Its countdown runs, also if an earlier process left it so. */
  running: boolean
  /** A magic close stops it (not `nowayout`). */
  canClose: boolean
  fedMs: number
  /** Since when every feed has failed. */
  unfedSinceMs: number | null
  retryAtMs: number
}
