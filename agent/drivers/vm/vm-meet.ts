// A virtual machine that this node is asked for before its first grant (rule 7, S18): whoever has started it, it is found by
// its uuid and gets a mark, as generation 0; and from now on nobody but the agent starts it here.
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import type { Asked } from '../driver.ts'
import { type Domain, lookAtDomains } from './domains.ts'
import { markElement, markNamespace } from './mark.ts'
import { VirshFailed } from './virsh.ts'
import { machineOf, markFor, type VmHost } from './vm-host.ts'

/** By what a host can tell a machine. */
export const DomainName = z.object({ name: z.string(), uuid: z.string() })

/** Throws if it cannot be told, or not be marked: that is a doubt, not an absence. */
export async function meetMachine(host: VmHost, { sid, spec }: Asked): Promise<void> {
  const read = DomainName.safeParse(spec)
  if (!read.success) return
  await meet(host, { sid, ...read.data }, await machineHere(host, read.data.uuid))
  await host.gate.whyNot()
}

type Machine = { sid: string; name: string; uuid: string }

async function meet(host: VmHost, { sid, name, uuid }: Machine, here: Domain | null) {
  if (here !== null && !isSomebodys(host, here)) {
    const mark = markElement(markFor(host, sid, 0))
    const where = ['--uri', markNamespace, '--key', 'holdfast', '--live']
    await host.virsh.ask(['metadata', uuid, ...where, '--set', mark])
  }
  // After the mark: a machine that is known and bears none is one that got past the gate, and goes.
  host.records.know(sid, { name, uuid })
}

/**
 * Whether a node that has this host marked it. One that was copied with the mark of another host is nobody's here: unmarked
 * anew it would be seen by no one.
 */
function isSomebodys(host: VmHost, { mark }: Domain): boolean {
  return mark !== null && host.gate.isAtHome(mark.nodeUid)
}

/**
 * All machines of the cluster that could run here. One that the hook does not know of yet is met as if it were asked for.
 * Throws if that cannot be done, or the daemon does not run the hook.
 */
export async function meetAll(host: VmHost, known: readonly Asked[]): Promise<void> {
  if (known.length === 0) return
  const fresh = known.flatMap(({ sid, spec }): Machine[] => {
    const read = DomainName.safeParse(spec)
    return read.success && !host.records.isKnown(sid, read.data) ? [{ sid, ...read.data }] : []
  })
  const here = fresh.length === 0 ? [] : await machinesHere(host, fresh)
  for (const one of fresh) {
    await meet(host, one, here.find(({ uuid }) => uuid === one.uuid) ?? null)
    // Each is on disk by then: a long list must not keep this process from feeding.
    await setImmediate()
  }
  // Also while the daemon is away: with it come the machines that it begins by itself.
  host.gate.install()
  const why = await host.gate.whyNot()
  if (why !== null && (await isThere(host))) throw new Error(why)
}

/** A daemon that is away reads its hooks when it begins. */
async function isThere({ virsh }: VmHost): Promise<boolean> {
  try {
    await virsh.ask(['uri'])
    return true
  } catch (error) {
    return !(error instanceof VirshFailed && error.isNoDaemon)
  }
}

/** Without a daemon there is none, unless its QEMU lives. */
function machineHere(host: VmHost, uuid: string): Promise<Domain | null> {
  return unlessAway(host, [uuid], () => machineOf(host, uuid), null)
}

function machinesHere(host: VmHost, machines: readonly Machine[]): Promise<Domain[]> {
  const active = async () => (await lookAtDomains(host.virsh)).filter(({ isActive }) => isActive)
  return unlessAway(
    host,
    machines.map(({ uuid }) => uuid),
    active,
    [],
  )
}

async function unlessAway<T>(host: VmHost, uuids: string[], look: () => Promise<T>, none: T) {
  try {
    return await look()
  } catch (error) {
    const isNone = error instanceof VirshFailed && error.isNoDaemon
    if (isNone && host.processes.machines(uuids).length === 0) return none
    throw error
  }
}
