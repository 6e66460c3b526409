// Which watchdog this node has. One that cannot serve is none, with the reason; so is one that a drill left unfed for
// nothing.
import type { Clock } from '../shared/clock.ts'
import type { Config } from './config.ts'
import type { Drills } from './drill/drills.ts'
import { linuxWatchdog } from './watchdog/linux.ts'
import { noWatchdog } from './watchdog/none.ts'
import { simulatedBootMs, simulatedWatchdog } from './watchdog/simulated.ts'
import type { Watchdog } from './watchdog/watchdog.ts'

/** The watchdog of the configuration, with what drills have shown of it. */
export function chooseWatchdog(config: Config, clock: Clock, drills: Drills): Watchdog {
  if (config.simulated)
    return proved(simulatedWatchdog({ ...config.simulated, clock, proved: drills.proved }), drills)
  if (config.watchdog === 'none') return noWatchdog('none configured')
  try {
    return proved(linuxWatchdog(config.watchdog, clock, drills.proved), drills)
  } catch (error) {
    return noWatchdog((error as Error).message)
  }
}

/** What the boot before this one left behind is judged, before anything counts with it. */
export function settleDrills(config: Config, clock: Clock, drills: Drills, bootId: string): void {
  const bootStatus = chooseWatchdog(config, clock, drills).bootStatus()
  const { simulated } = config
  const bootedWallMs =
    (simulated && simulatedBootMs(simulated.stateFile)) ?? clock.wallMs() - clock.bootMs()
  drills.settle(bootId, { bootStatus, bootedWallMs })
}

/** SAFETY: a device that did not fire when it was to protects nothing, until a person has seen to it. */
export function proved(watchdog: Watchdog, drills: Pick<Drills, 'unfired'>): Watchdog {
  return {
    ...watchdog,
    info(timeoutMs) {
      const info = watchdog.info(timeoutMs)
      const result = drills.unfired(info.identity)
      if (result === null) return info
      const note = `${info.identity} was left unfed in a drill on ${dayOf(result.atMs)}: ${result.detail}. Once it is mended, remove drill.json from the agent's data directory and reboot`
      return { ...info, class: 'none', note: note.slice(0, 500) }
    },
  }
}

const dayOf = (wallMs: number) => new Date(wallMs).toISOString().slice(0, 10)
