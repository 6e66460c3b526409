// Starting a virtual machine: it is created paused, through the gate, and takes its first step only when this process asks
// once more whether it may. So whatever becomes of a client, or of a daemon that is slow, nothing begins by itself.
import { z } from 'zod'
import { type DomainXml, readDomainXml } from '../../../shared/specs/domain-xml.ts'
import { VmSpec } from '../../../shared/specs/vm.ts'
import type { DriverResult, StartRequest } from '../driver.ts'
import { withDomainFile } from './domain-file.ts'
import { withMark } from './mark.ts'
import { faultOf } from './virsh.ts'
import { machineOf, markFor, type VmHost } from './vm-host.ts'
import { makeRoom } from './vm-room.ts'

/** How long libvirt may take to set up a machine: storage, networks and its own look at QEMU. */
const createdWithinMs = 60_000

const failed = (detail: string): DriverResult => ({ outcome: 'error', detail })
const late = failed('later than the lease allows')

/** The specification and what its XML says, or what is wrong with it. */
export function readVmSpec(
  spec: unknown,
): { spec: VmSpec; domain: DomainXml } | { invalid: string } {
  const parsed = VmSpec.safeParse(spec)
  if (!parsed.success) return { invalid: z.prettifyError(parsed.error) }
  const read = readDomainXml(parsed.data.xml)
  return 'fault' in read ? { invalid: read.fault } : { spec: parsed.data, domain: read.domain }
}

/** @param isOvertaken a stop has been asked for since this began */
export async function startMachine(
  host: VmHost,
  request: StartRequest,
  isOvertaken: () => boolean,
): Promise<DriverResult> {
  const { sid, generation } = request
  const read = readVmSpec(request.spec)
  if ('invalid' in read) return { outcome: 'invalid', detail: read.invalid }
  const { domain } = read
  const why = (await host.gate.whyNot()) ?? (await makeRoom(host, domain))
  if (why !== null) return failed(why)
  const xml = withMark(read.spec.xml, markFor(host, sid, generation))
  if (isOvertaken()) return failed('it is being stopped')
  if (!request.mayStart()) return late
  const { name, uuid } = domain
  host.records.know(sid, domain)
  host.records.write({ sid, generation, uuid, name, stage: 'starting' })
  host.gate.open(sid, generation)
  const created = await withDomainFile(xml, (file) =>
    host.virsh.run(['create', '--paused', file], { timeoutMs: createdWithinMs }),
  ).finally(() => host.gate.close(sid))
  if (created.code !== 0) {
    await forgetIfGone(host, sid, generation, uuid)
    if (created.isTimeout)
      return { outcome: 'timeout', detail: 'libvirt did not create it in time' }
    return failed(faultOf(created))
  }
  const refusal = isOvertaken() ? failed('it is being stopped') : request.mayStart() ? null : late
  // Nothing is waited for between the question and the step.
  const begun = refusal === null ? await host.virsh.run(['resume', uuid]) : null
  const isRunning = begun?.code === 0 && (await machineOf(host, uuid)) !== null
  if (isRunning) {
    host.records.write({ sid, generation, uuid, name, stage: 'running' })
    return { outcome: 'ok', detail: `domain ${name}` }
  }
  await host.virsh.run(['destroy', uuid])
  await forgetIfGone(host, sid, generation, uuid)
  return refusal ?? failed(begun?.code === 0 ? 'it ended at once' : faultOf(begun!))
}

/** What may still be there keeps its record: the next look at the host tells it. */
async function forgetIfGone(host: VmHost, sid: string, generation: number, uuid: string) {
  try {
    const isGone = (await machineOf(host, uuid)) === null
    if (isGone && host.processes.machines([uuid]).length === 0) host.records.remove(sid, generation)
  } catch {
    // It cannot be told now.
  }
}
