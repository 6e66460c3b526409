// Ending a service for certain: actions that are left are killed, its resources stopped in reverse, and whatever a start or
// a move had on its way is looked for. SAFETY: `ok` means that nothing of it is here, and nothing can still begin.
import type { DriverResult } from '../driver.ts'
import type { OcfHost } from './ocf-host.ts'
import { probeAll, stopInReverse } from './sequence.ts'

/** Ends what the record of `sid` names, and takes that record away; its gate is closed, and nothing is in hand. */
export async function endResources(host: OcfHost, sid: string): Promise<DriverResult> {
  const { bootId, records, left } = host
  const record = records.read(sid)
  if (!(await left.end(sid)))
    return {
      outcome: 'timeout',
      detail: 'an action that was begun before is not gone after SIGKILL',
    }
  if (record) {
    const call = host.caller(record)
    const isDoubtful = record.phase !== 'started' || record.bootId !== bootId
    const result = await stopInReverse(record.resources, call, isDoubtful)
    if (result.outcome !== 'ok') return result
    // What an action that was cut short had left on its way could still begin.
    const isQuiet = record.phase === 'started' || (await host.endMarked(record))
    const seen = isDoubtful ? await probeAll(record.resources, call) : 'stopped'
    if (!isQuiet || seen !== 'stopped')
      return { outcome: 'error', detail: 'what an action that was cut short began is still there' }
  }
  left.forget(sid)
  return { outcome: 'ok', detail: '' }
}
