// Ending and removing whatever there is of a service: its clients, its containers, their processes. Asked first, killed when
// told to, and verified with the kernel, for Podman forgets what its database was told to forget.
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../../shared/clock.ts'
import type { DriverResult } from '../driver.ts'
import type { Owner } from '../process/members.ts'
import { sendSignal } from '../send-signal.ts'
import {
  attendantsOf,
  findClients,
  type Known,
  type Podman,
  processesOf,
  reasonOf,
} from './podman.ts'

export type Removal = {
  sid: string
  owner: Owner
  podman: Podman
  clock: Clock
  /** Aborted: no more patience. */
  kill: AbortSignal
}

const killPatienceMs = 10_000
const podmanTimeoutMs = 30_000
/** After a container has ended, conmon notes how, and has it cleared up. */
const attendantsMs = 3_000
const lookEveryMs = 25

export async function removeAll(removal: Removal): Promise<DriverResult> {
  const { sid, owner, podman, clock } = removal
  // A start that was cut short goes no further; what it had made is in the list afterwards.
  const clients = () => findClients(owner).filter((one) => one.sid === sid)
  const isQuiet = await killAll(() => clients().map(({ pid }) => pid), clock)
  if (!isQuiet)
    return { outcome: 'timeout', detail: 'a client of Podman is not gone after SIGKILL' }
  try {
    const known = (await podman.list()).filter((one) => one.sid === sid)
    for (const one of known) {
      const fault = await removeOne(one, removal)
      if (fault !== null) return fault
    }
    const left = (await podman.list()).filter((one) => one.sid === sid && isLeft(one))
    if (left.length === 0) return { outcome: 'ok', detail: '' }
    return {
      outcome: 'error',
      detail: `still there: ${left.map(({ id }) => id.slice(0, 12)).join(' ')}`,
    }
  } catch (error) {
    return { outcome: 'error', detail: (error as Error).message }
  }
}

/** What somebody else has made stays, and stays off: its start gate is closed. */
function isLeft({ id, isForeign }: Known): boolean {
  return !isForeign || processesOf(id).length > 0 || attendantsOf(id).length > 0
}

async function removeOne(
  { id, isForeign }: Known,
  { podman, clock, kill }: Removal,
): Promise<DriverResult | null> {
  if (!kill.aborted && processesOf(id).length > 0)
    await podman.run(['stop', '--time=86400', id], { timeoutMs: 86_400_000, signal: kill })
  // Behind Podman's back: whoever was just killed may still hold its locks. Its attendants end by themselves, or not.
  const isEnded =
    (await killAll(() => processesOf(id), clock)) &&
    (await killAll(() => attendantsOf(id), clock, attendantsMs)) &&
    (await killAll(() => processesOf(id), clock))
  if (!isEnded) return { outcome: 'timeout', detail: 'some of it is not gone after SIGKILL' }
  if (isForeign) return null
  const removed = await podman.run(['rm', '--force', '--time=0', id], {
    timeoutMs: podmanTimeoutMs,
  })
  if (removed.code === 0) return null
  return { outcome: 'error', detail: `podman rm: ${reasonOf(removed)}` }
}

/** Kills what does not end within `graceMs`. False: some are still there a while after. */
async function killAll(look: () => number[], clock: Clock, graceMs = 0): Promise<boolean> {
  const fromMs = clock.bootMs() + graceMs
  for (;;) {
    const found = look()
    if (found.length === 0) return true
    const nowMs = clock.bootMs()
    if (nowMs > fromMs + killPatienceMs) return false
    if (nowMs >= fromMs) for (const pid of found) sendSignal(pid, 'SIGKILL')
    await pause(lookEveryMs)
  }
}
