// Watching the machines of this node. That one has ended is told by libvirt's events and by its QEMU process, whichever comes
// first; what else an event may mean, a look at libvirt says. Where events may be missed, there are more looks.
import type { DriverEvents } from '../driver.ts'
import { type DomainEvents, followDomains } from './domain-events.ts'
import { hasArrived, machineOf, type VmHost } from './vm-host.ts'
import { type ProcessEntry, readProcess } from '../process/proc-table.ts'
import { VirshFailed } from './virsh.ts'

export type Watched = {
  sid: string
  generation: number
  uuid: string
  name: string
  /** It is to come in, or has and is not alive yet. */
  isIncoming: boolean
}

export type VmWatch = {
  get(sid: string): Watched | null
  list(): Watched[]
  follow(machine: Watched): void
  unfollow(sid: string): void
  end(): void
}

export type VmWatchDeps = {
  host: VmHost
  events: DriverEvents
  /** Its end is somebody else's to tell: it is being stopped, started or moved away. */
  isInHand: (sid: string) => boolean
  /** Something happened to the domain with this name. */
  happened: (name: string) => void
}

/** How often its process is looked at. */
const tickMs = 200
/** How often libvirt is looked at, while events may be missed, and otherwise. */
const lookEveryMs = { deaf: 600, incoming: 600, listening: 15_000 }
/** What has been let in is listed by libvirt only a moment later. */
const listedWithinMs = 2_000

export function watchMachines({ host, events, isInHand, happened }: VmWatchDeps): VmWatch {
  const watched = new Map<string, Watched>()
  const missingSince = new WeakMap<Watched, number>()
  let hasEnded = false
  const lookedMs = new WeakMap<Watched, number>()
  /** The QEMU of each, once it has one. */
  const processes = new WeakMap<Watched, ProcessEntry[]>()
  const listener: DomainEvents = followDomains({
    uri: host.virsh.uri,
    happened(name, what) {
      happened(name)
      for (const one of watched.values()) if (one.name === name) heard(one, what)
    },
    lost: () => host.gate.doubt(),
  })
  const timer = setInterval(() => {
    for (const one of watched.values())
      if (processes.get(one)?.some(isGone)) endedUnlessInHand(one, null)
    const everyMs = listener.isListening() ? lookEveryMs.listening : lookEveryMs.deaf
    const nowMs = host.clock.bootMs()
    for (const one of watched.values()) {
      const dueMs = (lookedMs.get(one) ?? 0) + (one.isIncoming ? lookEveryMs.incoming : everyMs)
      if (nowMs >= dueMs) void check(one, null)
    }
  }, tickMs).unref()

  function heard(one: Watched, what: string): void {
    const isGone = what.startsWith('Stopped') && host.processes.machines([one.uuid]).length === 0
    // What is told may be an earlier machine of the same name.
    if (isGone && !one.isIncoming) endedUnlessInHand(one, what)
    else void check(one, what)
  }

  function endedUnlessInHand(one: Watched, what: string | null): void {
    if (watched.get(one.sid) === one && !isInHand(one.sid)) ended(one, what)
  }

  async function check(one: Watched, what: string | null): Promise<void> {
    lookedMs.set(one, host.clock.bootMs())
    let machine: Awaited<ReturnType<typeof machineOf>>
    try {
      machine = await machineOf(host, one.uuid)
    } catch (error) {
      // Without a daemon the process table knows; any other trouble tells nothing.
      if (!(error instanceof VirshFailed && error.isNoDaemon)) return
      if (one.isIncoming || host.processes.machines([one.uuid]).length > 0) return
      machine = null
    }
    if (hasEnded || watched.get(one.sid) !== one || isInHand(one.sid)) return
    if (machine !== null) {
      missingSince.delete(one)
      if (!processes.has(one)) processes.set(one, entriesOf(host.processes.machines([one.uuid])))
      if (one.isIncoming && hasArrived(machine)) arrived(one)
    } else if (!one.isIncoming || hasFailedToCome(one, what)) ended(one, what)
  }

  /** Whether it has come, and gone again. */
  function hasFailedToCome(one: Watched, what: string | null): boolean {
    if (!host.gate.isTaken(one.sid)) return false
    const nowMs = host.clock.bootMs()
    const sinceMs = missingSince.get(one) ?? nowMs
    missingSince.set(one, sinceMs)
    return what?.startsWith('Stopped') === true || nowMs > sinceMs + listedWithinMs
  }

  function arrived(one: Watched): void {
    const { sid, generation, uuid, name } = one
    one.isIncoming = false
    host.records.write({ sid, generation, uuid, name, stage: 'running' })
    host.gate.close(sid)
    events.arrived(sid, generation)
  }

  function ended(one: Watched, what: string | null): void {
    watched.delete(one.sid)
    host.gate.close(one.sid)
    const how = what?.startsWith('Stopped') ? what.toLowerCase() : 'it is gone'
    events.exited(one.sid, one.generation, one.isIncoming ? `${how} before it arrived` : how)
  }

  return {
    get: (sid) => watched.get(sid) ?? null,
    list: () => [...watched.values()],
    follow(machine) {
      watched.set(machine.sid, machine)
      const pids = host.processes.machines([machine.uuid])
      if (pids.length > 0) processes.set(machine, entriesOf(pids))
      // What happened before anybody listened for it.
      void check(machine, null)
    },
    unfollow: (sid) => void watched.delete(sid),
    end() {
      hasEnded = true
      clearInterval(timer)
      listener.end()
      watched.clear()
    },
  }
}

function entriesOf(pids: readonly number[]): ProcessEntry[] {
  return pids.flatMap((pid) => readProcess(pid) ?? [])
}

/** One that cannot be looked at just now is looked at again. */
function isGone({ pid, startTime }: ProcessEntry): boolean {
  try {
    return readProcess(pid)?.startTime !== startTime
  } catch {
    return false
  }
}
