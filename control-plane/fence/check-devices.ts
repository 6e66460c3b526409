// Asks fence devices how they are while their nodes live: one that is dark, or speaks of another machine, is shown before the
// night in which it is needed. And a virtual machine that was seen on is known to have ended where it is then read off.
// Nothing is switched, and nothing is decided here.
import type { Logger } from 'pino'
import type postgres from 'postgres'
import { isSameMachine } from '../../shared/machine-identity.ts'
import type { Timers } from '../../shared/clock.ts'
import { pause } from './bounded.ts'
import { clockNow, type DueCheck, dueChecks, recordCheck } from './check-store.ts'
import type { FenceDevice } from './fence-device.ts'
import type { StoredDevice } from './fence-store.ts'
import { meetDevice } from './meet-device.ts'

/** Slow ones must not keep the others waiting. */
const atOnce = 8
/** A boot that lives renews within this; edge, the slowest profile, renews every 5 s. */
const renewsWithinMs = [2_000, 6_000]

export type CheckDeps = {
  sql: postgres.Sql
  open(device: StoredDevice): FenceDevice
  timers: Timers
  log: Pick<Logger, 'warn'>
}

/** Every device that is due. */
export async function checkDevices(deps: CheckDeps): Promise<void> {
  const due = await dueChecks(deps.sql)
  const work = async () => {
    for (let check = due.shift(); check; check = due.shift()) await checkOne(deps, check)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, due.length) }, work))
}

async function checkOne(deps: CheckDeps, check: DueCheck): Promise<void> {
  const { sql, timers, log } = deps
  const { device, node, clusterId } = check
  const askedAt = await clockNow(sql)
  const met = await meetDevice(deps.open(device), timers)
  const isExpected = isSameMachine(device.expects, met.identity)
  if (!isExpected || met.state !== 'on')
    log.warn(
      { clusterId, node, device: device.name, state: met.state, isExpected, fault: met.fault },
      'a fence device cannot be relied on',
    )
  // Its next renewal says that it still lives.
  for (const waitMs of renewsWithinMs) {
    await pause(timers, waitMs)
    if (await recordCheck(sql, check, askedAt, met, isExpected)) return
  }
}
