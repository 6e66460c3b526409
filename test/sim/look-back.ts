// What the agent of a simulated machine finds of the life before it, and the watchdog that this leaves it: as run-agent.ts.
import { proved } from '../../agent/choose-watchdog.ts'
import { openDrills } from '../../agent/drill/drills.ts'
import type { Proved } from '../../agent/drill/measured-factor.ts'
import type { Files } from '../../agent/files.ts'
import { lookBack } from '../../agent/health/look-back.ts'
import type { Log } from '../../agent/log.ts'
import type { Watchdog } from '../../agent/watchdog/watchdog.ts'
import type { Clock } from '../../shared/clock.ts'

export function lookBackAt(machine: {
  home: string
  bootId: string
  hardwareId: string
  clock: Clock
  files: Files
  log: Log
  bootStatus: number
  watchdogOf(provedOf: (identity: string) => Proved): Watchdog
}) {
  const { home, bootId, hardwareId, clock, files, log, bootStatus } = machine
  const drills = openDrills({ home, clock, machine: hardwareId, files })
  drills.settle(bootId, { bootStatus, bootedWallMs: clock.wallMs() - clock.bootMs() })
  const watchdog = proved(machine.watchdogOf(drills.proved), drills)
  return { watchdog, health: lookBack({ home, bootId, drills, watchdog, clock, log, files }) }
}
