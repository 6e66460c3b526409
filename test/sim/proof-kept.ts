// Evidence is honest: what is said of a boot that it is over must be so in the world, whether or not it held anything.
import type { Change } from '../../control-plane/cluster/change.ts'
import type { Machine } from './machine.ts'
import { isNotYetAwake, type LeaseRecorder } from './recorder.ts'
import type { Tally } from './tally.ts'

type Recorded = Extract<Change, { kind: 'evidence.recorded' }>

/** What is wrong with a piece of evidence about a whole boot of `machine`; null: nothing, or it is about one service. */
export function proofFault(
  { node, epoch, evidence, facts }: Recorded,
  machine: Machine,
  { recorder, tally }: { recorder: LeaseRecorder; tally: Tally },
): string | null {
  const isOn = (bootId: unknown) => machine.isOn && machine.bootId === bootId
  switch (evidence) {
    case 'device-off':
      tally.note('judged: boot proved off')
      return isOn(facts.bootId)
        ? `${node} is said to have been off, and its boot is still on`
        : null
    case 'new-boot':
      tally.note('judged: boot proved over by another')
      return isOn(facts.oldBootId)
        ? `${node} is said to have booted again, and the old boot is still on`
        : null
    case 'watchdog-deadline': {
      tally.note('judged: boot proved dead by its watchdog')
      if (!isOn(facts.bootId) || isNotYetAwake(machine)) return null
      // It may be alive and empty, if it has ended everything in time; it must not be leased.
      const leftMs = Math.round(recorder.leaseLeftMs(machine, epoch))
      return leftMs > 0 ? `${node} is said to be dead, and its lease lasts for ${leftMs} ms` : null
    }
    default:
      return null
  }
}
