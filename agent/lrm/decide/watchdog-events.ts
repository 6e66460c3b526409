// What the watchdog device answered.
import { type Draft, say } from './draft.ts'
import type { LrmEvent } from './effect.ts'
import { noteFailure } from './run.ts'
import { isArmed, noteArmedLength } from './armed.ts'
import { noteArmFailed } from './watchdog.ts'

type WatchdogEvent = Extract<
  LrmEvent,
  {
    kind:
      | 'armed'
      | 'arm-failed'
      | 'fed-late'
      | 'feed-failed'
      | 'watchdog-closed'
      | 'watchdog-close-failed'
  }
>

export function absorbWatchdog(draft: Draft, event: WatchdogEvent): void {
  const { watchdog } = draft.lrm
  switch (event.kind) {
    case 'armed':
      if (!watchdog.open) say(draft, 'watchdog armed', { effectiveMs: event.effectiveMs })
      watchdog.open = true
      watchdog.running = true
      watchdog.effectiveMs = event.effectiveMs
      watchdog.configuredMs = event.configuredMs
      watchdog.canClose = event.canClose
      watchdog.fedMs = draft.nowMs
      watchdog.retryAtMs = 0
      return noteArmedLength(draft, event.effectiveMs)
    case 'arm-failed':
      noteArmFailed(draft, event.why)
      if (event.open) watchdog.running = true
      // One that we held was closed; one that an earlier process left running still runs.
      else if (watchdog.open) watchdog.running = false
      watchdog.open = event.open ?? false
      if (isArmed(draft.lrm)) return
      return failWaiting(draft, event.why)
    case 'fed-late':
      return say(draft, 'watchdog not fed: too late', { why: event.why }, 'warn')
    case 'feed-failed':
      return say(draft, 'watchdog not fed', { why: event.why }, 'warn')
    case 'watchdog-closed':
      watchdog.open = false
      watchdog.running = false
      return say(draft, 'watchdog closed', { released: draft.lrm.released })
    case 'watchdog-close-failed':
      watchdog.open = true
      watchdog.running = true
      watchdog.canClose = false
      return say(draft, 'watchdog cannot be closed', { why: event.why }, 'warn')
  }
}

/** A node that cannot arm cannot run anything: that counts as a failed start of whatever waits for it. */
function failWaiting(draft: Draft, why: string): void {
  const { lrm } = draft
  for (const order of lrm.desired?.services ?? []) {
    const local = lrm.services[order.sid]
    const waits = order.state === 'started' && local?.phase === 'idle'
    if (!waits || local.generation !== order.generation) continue
    noteFailure(draft, local, 'error', `the watchdog cannot be armed: ${why}`)
    local.phase = 'idle'
  }
}
