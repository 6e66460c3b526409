// A virtual machine that this node is asked for before its first grant (rule 7, S18): whoever has started it, it is found by
// its uuid and gets a mark, as generation 0; and from now on nobody but the agent starts it here.
import { z } from 'zod'
import type { Asked } from '../driver.ts'
import { markElement, markNamespace } from './mark.ts'
import { VirshFailed } from './virsh.ts'
import { machineOf, markFor, type VmHost } from './vm-host.ts'

const DomainName = z.object({ name: z.string(), uuid: z.string() })

/** Throws if it cannot be told, or not be marked: that is a doubt, not an absence. */
export async function meetMachine(host: VmHost, { sid, spec }: Asked): Promise<void> {
  const read = DomainName.safeParse(spec)
  if (!read.success) return
  const { uuid } = read.data
  const machine = await machineHere(host, uuid)
  if (machine !== null && machine.mark === null) {
    const mark = markElement(markFor(host, sid, 0))
    const where = ['--uri', markNamespace, '--key', 'holdfast', '--live']
    await host.virsh.ask(['metadata', uuid, ...where, '--set', mark])
  }
  // After the mark: a machine that is known and bears none is one that got past the gate, and goes.
  host.records.know(sid, read.data)
  await host.gate.whyNot()
}

/**
 * All machines of the cluster that could run here. One that the hook does not know of yet is met as if it were asked for.
 * Throws if the daemon does not run the hook.
 */
export async function meetAll(host: VmHost, known: readonly Asked[]): Promise<void> {
  if (known.length === 0) return
  for (const one of known) {
    const read = DomainName.safeParse(one.spec)
    const isNew = read.success && !host.records.isKnown(one.sid, read.data)
    if (isNew) await meetMachine(host, one)
  }
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
async function machineHere(host: VmHost, uuid: string) {
  try {
    return await machineOf(host, uuid)
  } catch (error) {
    const isNone = error instanceof VirshFailed && error.isNoDaemon
    if (isNone && host.processes.machines([uuid]).length === 0) return null
    throw error
  }
}
