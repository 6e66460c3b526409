// A driver that lives in a machine, as a driver here: what is asked of it goes there and back, one line each.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Driver, DriverEvents } from '../../agent/drivers/driver.ts'
import type { Owner } from '../../agent/drivers/process/members.ts'
import type { ServiceType } from '../../shared/names.ts'
import type { Machine } from './machine.ts'

const server = `${import.meta.dirname}/driver-server.ts`

type Answer = { id?: number; result?: unknown; error?: string; exited?: Exited }
type Exited = { sid: string; generation: number; detail: string }

/** `machine` must have this repository bound into it. */
export function remoteDriver(
  machine: Machine,
  type: ServiceType,
  owner: Owner,
  events: DriverEvents,
): Driver {
  const setup = JSON.stringify({ type, owner })
  const [program, args] = machine.command(
    ...['env', 'NODE_COMPILE_CACHE=/var/tmp/compile-cache', process.execPath, server, setup],
  )
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let [nextId, isDetached, isOver] = [1, false, false]
  const lost = (why: string) => {
    for (const one of waiting.values()) one.reject(new Error(why))
    waiting.clear()
  }
  child.once('exit', () => {
    isOver = true
    lost('the driver’s process has ended')
  })
  child.stdin.on('error', () => {})
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, result, error, exited } = JSON.parse(line) as Answer
    if (exited && !isDetached) events.exited(exited.sid, exited.generation, exited.detail)
    const call = waiting.get(id ?? 0)
    waiting.delete(id ?? 0)
    if (error !== undefined) call?.reject(new Error(error))
    else call?.resolve(result)
  })
  const call = <T>(method: string, ...args: unknown[]) =>
    new Promise<T>((resolve, reject) => {
      if (isOver) return reject(new Error('the driver’s process has ended'))
      const id = nextId++
      waiting.set(id, { resolve: (value) => resolve(value as T), reject })
      child.stdin.write(`${JSON.stringify({ id, method, args })}\n`)
    })
  return {
    type,
    survey: (asked = [], known = []) => call('survey', asked, known),
    prepare: (sid, generation) => void call('prepare', sid, generation).catch(() => {}),
    start: (request) =>
      call('start', request.sid, request.generation, request.spec, request.mayStart()),
    stop: (sid, timeoutMs) => call('stop', sid, timeoutMs),
    measure: () => call('measure'),
    detach: () => {
      isDetached = true
      child.kill('SIGKILL')
    },
  }
}
