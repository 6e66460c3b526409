// The seam to a watchdog: something outside this process that ends this machine when it is not fed for W.
// Every method is synchronous: between the check of a limit and the write nothing else of this process runs.
import type { WatchdogInfo } from '../../shared/node.ts'

export interface Watchdog {
  /** What it is, and the W it would have with this timeout. Must not open or feed it. */
  info(timeoutMs: number): WatchdogInfo
  /** Effective timeout for each configured millisecond. */
  readonly factor: number
  /** It is set to no shorter timeout: how long it then takes is not known. 0: to any. */
  readonly leastMs: number
  /** What it keeps of the boot before: `bootstatus`; null: it keeps none, or it cannot be read. Must not open it. */
  bootStatus(): number | null
  /** Whether its countdown runs now, whoever started it. Must not feed it. */
  isRunning(): boolean
  /** Opens it if need be and sets its timeout, if it is not later than `untilMs`: both are feeds. */
  arm(timeoutMs: number, untilMs: number): ArmResult
  /** Feeds it, if it is not later than `untilMs`. */
  feed(untilMs: number): FeedResult
  /** Magic close: the countdown stops. */
  close(): CloseResult
}

export type ArmResult =
  | { ok: true; effectiveMs: number; canClose: boolean }
  /** `open`: it is held open all the same and counts down, with a timeout set before. */
  | { ok: false; why: string; open: boolean }
export type FeedResult = 'fed' | 'late' | { failed: string }
export type CloseResult = { ok: true } | { ok: false; why: string }
