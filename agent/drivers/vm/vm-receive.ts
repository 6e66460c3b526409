// The target's half of a live move: the gate is opened for one incoming migration that bears this generation's mark, and the
// address says which mark, and through which daemon.
import { z } from 'zod'
import { whyNotLive } from '../../../shared/specs/domain-xml.ts'
import type { ReceiveRequest, ReceiveResult } from '../driver.ts'
import { type VmMark } from './mark.ts'
import { machineOf, markFor, type VmHost } from './vm-host.ts'
import { makeRoom } from './vm-room.ts'
import { readVmSpec } from './vm-start.ts'

const Address = z.strictObject({
  /** The target's daemon, as the source's reaches it. */
  uri: z.string().min(1),
  mark: z.strictObject({
    clusterUuid: z.string(),
    nodeUid: z.string(),
    sid: z.string(),
    generation: z.number().int(),
    bootId: z.string(),
  }),
})
type Address = { uri: string; mark: VmMark }

/** What the target told the source; null: it is none of ours. */
export function readAddress(text: string): Address | null {
  try {
    return Address.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** @param uri of this host's daemon, for other hosts */
export async function openForMachine(
  host: VmHost,
  request: ReceiveRequest,
  uri: string,
): Promise<ReceiveResult> {
  const { sid, generation } = request
  const read = readVmSpec(request.spec)
  if ('invalid' in read) return { outcome: 'invalid', detail: read.invalid }
  const { domain, spec } = read
  const never = whyNotLive(domain, spec.diskLocks)
  if (never !== null) return { outcome: 'not-live', detail: never }
  const mark = markFor(host, sid, generation)
  const address = JSON.stringify({ uri, mark } satisfies Address)
  const there = await machineOf(host, domain.uuid)
  // The half that is there already, arriving or arrived.
  if (there?.mark?.generation === generation && there.mark.nodeUid === mark.nodeUid)
    return { outcome: 'ok', detail: 'it is coming in', address }
  const why = (await host.gate.whyNot()) ?? (await makeRoom(host, domain))
  if (why !== null) return { outcome: 'error', detail: why }
  if (!request.mayBegin()) return { outcome: 'error', detail: 'later than the lease allows' }
  const { uuid, name } = domain
  host.records.know(sid, domain)
  host.records.write({ sid, generation, uuid, name, stage: 'incoming' })
  host.gate.open(sid, generation)
  return { outcome: 'ok', detail: '', address }
}
