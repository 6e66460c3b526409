// Which watchdog this node has. One that cannot serve is none, with the reason.
import type { Clock } from '../shared/clock.ts'
import type { Config } from './config.ts'
import { linuxWatchdog } from './watchdog/linux.ts'
import { noWatchdog } from './watchdog/none.ts'
import { simulatedWatchdog } from './watchdog/simulated.ts'
import type { Watchdog } from './watchdog/watchdog.ts'

export function chooseWatchdog(config: Config, clock: Clock): Watchdog {
  if (config.simulated) return simulatedWatchdog({ ...config.simulated, clock })
  if (config.watchdog === 'none') return noWatchdog('none configured')
  try {
    return linuxWatchdog(config.watchdog, clock)
  } catch (error) {
    return noWatchdog((error as Error).message)
  }
}
