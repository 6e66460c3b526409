// The log of a simulated plane, told to the world.
import type { Logger } from 'pino'
import { AssertionError } from '../../shared/assert.ts'
import { stackOf } from './trace.ts'

export type OnLog = (level: string, facts: unknown, message: string) => void

export function planeLogger(onLog: OnLog): Logger {
  const at = (level: string) => (facts: unknown, message?: string) =>
    onLog(level, facts, message ?? String(facts))
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { ...log, child: () => log } as unknown as Logger
}

/** A plan that the reducer or the schema refuses is a bug, however gently the engine takes it; null: none was logged. */
export function bugIn(name: string, facts: unknown, message: string): string | null {
  const error = (facts as { err?: unknown } | null)?.err
  const isBug =
    error instanceof AssertionError ||
    error instanceof TypeError ||
    (error as Error | undefined)?.name === 'SchemaRefusal'
  return isBug ? `${name}: ${message}: ${stackOf(error)}` : null
}
