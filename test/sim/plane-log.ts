// The log of a simulated plane, told to the world.
import type { Logger } from 'pino'

export type OnLog = (level: string, facts: unknown, message: string) => void

export function planeLogger(onLog: OnLog): Logger {
  const at = (level: string) => (facts: unknown, message?: string) =>
    onLog(level, facts, message ?? String(facts))
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { ...log, child: () => log } as unknown as Logger
}
