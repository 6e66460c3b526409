// The `process:` driver: supervised commands, each in a session of its own and, where allowed, a cgroup.
// Services outlive the agent; a new one finds them by their marks and watches them from there on.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../../shared/clock.ts'
import { type Random, systemRandom } from '../../../shared/random.ts'
import { ProcessSpec } from '../../../shared/specs/process.ts'
import { replaceFile } from '../../files.ts'
import type { Found } from '../../lrm/decide/lrm.ts'
import type { Driver, DriverEvents, DriverResult, StartRequest } from '../driver.ts'
import type { Ending } from '../ending-loop.ts'
import { createCgroups } from './cgroup.ts'
import { endProcesses } from './ending.ts'
import { launch } from './launch.ts'
import { type LogLimits, logLimits, openLog, rotateLogs } from './log-file.ts'
import { findGroups, type Group, markOf, type Owner } from './members.ts'
import { readProcess } from './proc-table.ts'
import { createRunFiles } from './run-files.ts'
import { readServices } from './service-usage.ts'
import { sharedLook } from './shared-look.ts'
import { type Ended, watchChild, watchProcess } from './watch.ts'

export type ProcessDriverOptions = {
  home: string
  owner: Owner
  /** This node's name, for the services' own messages; nothing is decided on it. */
  node: string
  bootId: string
  clock: Clock
  events: Pick<DriverEvents, 'exited'>
  random?: Random
  logLimits?: LogLimits
  upkeepMs?: number
}

type Watched = { generation: number; pid: number; stop(): void }

/** A start that still runs after so long has come to run; one that fails at once is told as a failed start. */
const settleMs = 100

export function createProcessDriver(options: ProcessDriverOptions): Driver {
  const { home, owner, node, bootId, clock, events } = options
  const random = options.random ?? systemRandom()
  const directory = (name: string) => {
    const path = join(home, name)
    mkdirSync(path, { recursive: true, mode: 0o750 })
    return path
  }
  const [grants, logs] = [directory('grants'), directory('logs')]
  const cgroups = createCgroups(owner.nodeUid)
  const runFiles = createRunFiles(directory('run'), bootId)
  const watched = new Map<string, Watched>()
  const endings = new Map<string, Ending>()
  const known = new Map()
  const look = sharedLook(() => findGroups({ owner, cgroups, runFiles, known }))
  // Whatever an earlier process was about to start must not begin any more.
  for (const name of readdirSync(grants)) rmSync(join(grants, name), { force: true })

  const limits = options.logLimits ?? logLimits
  const upkeep = setInterval(
    () => void rotateLogs(logs, limits).catch(() => {}),
    options.upkeepMs ?? 5_000,
  ).unref()

  function watch(sid: string, generation: number, pid: number, stop: () => void): void {
    watched.get(sid)?.stop()
    watched.set(sid, { generation, pid, stop })
  }

  function ended(sid: string, generation: number, pid: number, detail: string): void {
    const current = watched.get(sid)
    if (current?.pid !== pid || current.generation !== generation) return
    watched.delete(sid)
    events.exited(sid, generation, detail)
  }

  function adopt({ sid, generation, main }: Group): void {
    if (main === null || watched.get(sid)?.pid === main.pid) return
    const done = (detail: string) => ended(sid, generation, main.pid, detail)
    watch(sid, generation, main.pid, watchProcess(main, done))
  }

  function forget({ sid, generation }: Group): void {
    runFiles.remove(sid, generation)
    cgroups.remove(sid, generation)
  }

  function spawnNow(request: StartRequest, spec: ProcessSpec): Ended {
    const { sid, generation } = request
    const grantFile = join(grants, sid)
    // A word of its own for each start: a launcher of an agent that is gone cannot pass by a later one's grant.
    const grant = `${generation} ${bootId} ${random.uuid()}`
    replaceFile(grantFile, `${grant}\n`)
    const mark = markOf(owner, sid, generation)
    const cgroup = cgroups.make(sid, generation)
    const runFile = runFiles.path(sid, generation)
    const logFile = openLog(logs, sid)
    const child = launch({
      ...{ spec, sid, node, mark, cgroup, grantFile, grant, runFile, bootId, logFile },
    })
    return watchChild(child)
  }

  async function start(request: StartRequest): Promise<DriverResult> {
    const { sid, generation } = request
    const parsed = ProcessSpec.safeParse(request.spec)
    if (!parsed.success) return { outcome: 'invalid', detail: z.prettifyError(parsed.error) }
    if (endings.has(sid)) return { outcome: 'error', detail: 'it is being stopped' }
    if (!request.mayStart()) return { outcome: 'error', detail: 'later than the lease allows' }
    let child: Ended
    try {
      child = spawnNow(request, parsed.data)
    } catch (error) {
      return { outcome: 'error', detail: (error as Error).message }
    }
    const failure = await child.within(settleMs)
    if (failure !== null) return { outcome: 'error', detail: failure }
    watch(sid, generation, child.pid, () => {})
    child.whenEnded((detail) => ended(sid, generation, child.pid, detail))
    return { outcome: 'ok', detail: `pid ${child.pid}` }
  }

  async function stop(sid: string, timeoutMs: number): Promise<DriverResult> {
    rmSync(join(grants, sid), { force: true })
    const running = endings.get(sid)
    if (running) {
      running.hurry(timeoutMs)
      return running.done
    }
    watched.get(sid)?.stop()
    watched.delete(sid)
    const seen = new Map<string, Group>()
    const ending = endProcesses(
      {
        clock,
        look() {
          const groups = look().filter((group) => group.sid === sid)
          for (const group of groups) seen.set(`${group.generation}`, group)
          return groups
        },
        killAtOnce: (group) => cgroups.kill(group.sid, group.generation),
      },
      timeoutMs,
    )
    endings.set(sid, ending)
    // A look that failed leaves nothing behind that would answer for the next attempt.
    const result = await ending.done.finally(() => endings.delete(sid))
    if (result.outcome === 'ok') for (const group of seen.values()) forget(group)
    return result
  }

  async function survey(): Promise<Found[]> {
    const groups = look()
    for (const { sid, generation, main } of runFiles.list()) {
      const isFound = groups.some((one) => one.sid === sid && one.generation === generation)
      if (!isFound && readProcess(main.pid) === null)
        forget({ sid, generation, main: null, members: [] })
    }
    for (const group of groups) if (!endings.has(group.sid)) adopt(group)
    return groups.map(({ sid, generation, main }) => ({
      sid,
      generation,
      state: main ? 'running' : 'unknown',
    }))
  }

  function detach(): void {
    clearInterval(upkeep)
    for (const one of watched.values()) one.stop()
    watched.clear()
  }

  const prepare = (sid: string, generation: number) => cgroups.prepare(sid, generation)
  const measure = () =>
    readServices(
      Array.from(watched, ([sid, { generation, pid }]) => ({
        ...{ sid, generation, pid },
        cgroups: cgroups.paths(sid, generation),
      })),
    )
  return { type: 'process', survey, prepare, start, stop, measure, detach }
}
