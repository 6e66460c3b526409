// Services of the cluster that this node has not started: whether one of them runs here all the same, by hand, by an enabled
// unit or by a line in fstab, only its resource agent can tell (S8, S18). What runs gets a record, as generation 0, and is
// found, watched and stopped by it like any other. Must never say "absent" of what it could not ask.
import type { Found } from '../../lrm/decide/lrm.ts'
import type { Asked } from '../driver.ts'
import type { AskPlan } from './plan.ts'
import type { Record, Records } from './records.ts'
import { type CallResource, probeEach } from './sequence.ts'

export type StrangersDeps = {
  bootId: string
  records: Records
  plan: AskPlan
  caller: (mark: Pick<Record, 'sid' | 'generation'>) => CallResource
  /** It is being started or stopped: its driver knows better. */
  isInHand: (sid: string) => boolean
  /** This host may still be starting what is enabled on it. */
  isComingUp: () => boolean
  patienceMs: number
}

/** @returns doubts: services that are asked for, and cannot be told */
export type LookForStrangers = (
  asked: readonly Asked[],
  known: readonly Asked[],
) => Promise<Found[]>

/** Monitors cost time and processes: so many services at once. */
const atOnce = 8

export function lookForStrangers(deps: StrangersDeps): LookForStrangers {
  const { bootId, records, plan, caller, isInHand, isComingUp, patienceMs } = deps
  /** Asked about once since this process began: what is enabled here would run by now. */
  const looked = new Set<string>()

  async function look({ sid, spec }: Asked): Promise<'settled' | 'doubt'> {
    const planned = await plan(sid, spec)
    if (planned === 'absent') return 'settled'
    if (planned === 'doubt') return 'doubt'
    const generation = 0
    const seen = await probeEach(planned, caller({ sid, generation }), patienceMs)
    if (isInHand(sid) || records.sids().includes(sid)) return 'settled'
    if (seen.includes('running')) {
      const record: Record = { sid, generation, bootId, phase: 'starting', resources: planned }
      await records.write(record)
      // Only a part of it: nothing that could go on as it is.
      if (seen.every((one) => one === 'running')) records.note(record, 'started')
      return 'settled'
    }
    return seen.every((one) => one === 'stopped') ? 'settled' : 'doubt'
  }

  return async (asked, known) => {
    const had = new Set(records.sids())
    const isAsked = new Set(asked.map(({ sid }) => sid))
    const due = known.filter(({ sid }) => !isAsked.has(sid) && (isComingUp() || !looked.has(sid)))
    const strangers = [...asked, ...due].filter(({ sid }) => !had.has(sid) && !isInHand(sid))
    const doubts: Found[] = []
    for (let at = 0; at < strangers.length; at += atOnce)
      await Promise.all(
        strangers.slice(at, at + atOnce).map(async (one) => {
          const { sid } = one
          const answer = await look(one)
          if (answer === 'settled') looked.add(sid)
          else if (isAsked.has(sid)) doubts.push({ sid, generation: 0, state: 'unseen' })
        }),
      )
    return doubts
  }
}
