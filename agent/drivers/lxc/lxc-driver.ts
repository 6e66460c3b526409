// The `ct:` driver: containers through the tools of LXC. What is there is read from the host's processes, never from
// LXC's own word: it calls a container stopped as soon as its monitor is gone.
// SAFETY: a start that was cut short goes on in a process of LXC's; that carries the mark, and is ended like the rest.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ContainerSpec } from '../../../shared/specs/container.ts'
import type { Found } from '../../lrm/decide/lrm.ts'
import type { Asked, Driver, DriverResult, StartRequest } from '../driver.ts'
import { createGate } from '../gate.ts'
import type { HostOptions } from '../host-drivers.ts'
import type { Ending } from '../ending-loop.ts'
import { endProcesses } from '../process/ending.ts'
import { type Group, markOf } from '../process/members.ts'
import { isGone } from '../process/proc-table.ts'
import { createRunFiles } from '../process/run-files.ts'
import { readServices } from '../process/service-usage.ts'
import { sharedLook } from '../process/shared-look.ts'
import { watchProcess } from '../process/watch.ts'
import { cgroupOf } from '../cgroup-of.ts'
import { readIfThere, replaceFile } from '../../files.ts'
import { runCommand } from '../run-command.ts'
import { removeEmptyCgroups } from './empty-cgroups.ts'
import { type Container, gateContainer, installContainer } from './lxc-config.ts'
import { containerMark, findContainers, type Named } from './lxc-groups.ts'

export type LxcDriverOptions = Pick<
  HostOptions,
  'home' | 'runDirectory' | 'owner' | 'bootId' | 'clock' | 'events'
> & { lxcPath?: string }

/** As the plane names it. */
const ContainerName = z.object({ container: z.string() })

type Watched = { generation: number; pid: number; stop(): void }

const startTimeoutMs = 60_000
/** To ask for a shutdown takes no time; it is not waited for. */
const askTimeoutMs = 5_000

export function createLxcDriver(options: LxcDriverOptions): Driver {
  const { home, runDirectory, owner, bootId, clock, events } = options
  const ownPath = join(runDirectory, 'lxc')
  const lxcPath = options.lxcPath ?? '/var/lib/lxc'
  const places = { lxcPath, ownPath, gatePath: join(home, 'lxc-gates') }
  mkdirSync(ownPath, { recursive: true, mode: 0o755 })
  const runPath = join(runDirectory, 'ct')
  mkdirSync(join(runPath, 'run'), { recursive: true, mode: 0o700 })
  const gate = createGate(join(runDirectory, 'grants'), 'ct', bootId)
  const containers = readContainers(runPath)
  /** As the plane has last named them. */
  const asked = new Map<string, string>()
  const runFiles = createRunFiles(join(runPath, 'run'), bootId)
  const look = sharedLook(() => findContainers(owner, runFiles, named()))
  const watched = new Map<string, Watched>()
  const starting = new Map<string, AbortController>()
  const endings = new Map<string, Ending>()
  const groupsOf = (sid: string) => look().filter((group) => group.sid === sid)
  let isDetached = false

  function watch({ sid, generation, main }: Group): void {
    if (main === null || isDetached || watched.get(sid)?.pid === main.pid) return
    watched.get(sid)?.stop()
    const stop = watchProcess(main, (detail) => {
      watched.delete(sid)
      events.exited(sid, generation, `its first process ${detail}`)
    })
    watched.set(sid, { generation, pid: main.pid, stop })
  }

  async function start(request: StartRequest): Promise<DriverResult> {
    const { sid, generation } = request
    const parsed = ContainerSpec.safeParse(request.spec)
    if (!parsed.success) return { outcome: 'invalid', detail: z.prettifyError(parsed.error) }
    if (endings.has(sid)) return { outcome: 'error', detail: 'it is being stopped' }
    if (!request.mayStart()) return { outcome: 'error', detail: 'later than the lease allows' }
    const container = installContainer(sid, parsed.data, gate.path(sid), places)
    if (typeof container === 'string') return { outcome: 'wrong-node', detail: container }
    const mark = markOf(owner, sid, generation)
    const abort = new AbortController()
    const log = join(runPath, `${sid}.log`)
    rmSync(log, { force: true })
    noteContainer(sid, container)
    gate.open(sid, generation)
    starting.set(sid, abort)
    const result = await runCommand(
      'lxc-start',
      [
        ...['-P', container.path, '-n', container.name, '-d', '-o', log, '-l', 'ERROR'],
        ...['-s', `lxc.environment=${containerMark}=${mark}`],
      ],
      {
        ...{ timeoutMs: startTimeoutMs, signal: abort.signal },
        environment: { [containerMark]: `${mark}/monitor` },
      },
    ).finally(() => {
      gate.close(sid)
      starting.delete(sid)
    })
    if (result.isTimeout)
      return { outcome: 'timeout', detail: `lxc-start did not end within ${startTimeoutMs} ms` }
    if (result.code !== 0) return { outcome: 'error', detail: reasonOf(log, result.stderr) }
    const group = groupsOf(sid).find((one) => one.generation === generation && one.main !== null)
    if (!group?.main || endings.has(sid))
      return { outcome: 'error', detail: 'it ended as soon as it was started' }
    noteMain(group.main.pid, runFiles.path(sid, generation))
    watch(group)
    return { outcome: 'ok', detail: `pid ${group.main.pid}` }
  }

  /** What LXC calls it, for a later process of this boot. */
  const containerFile = (sid: string) => join(runPath, `${sid}.json`)

  function noteContainer(sid: string, container: Container): void {
    replaceFile(containerFile(sid), JSON.stringify(container))
    containers.set(sid, container)
  }

  /** Every container that was started here in this boot, or that the plane has named: looked for by name, too. */
  function named(): Named[] {
    const paths = ({ path }: Container) => [...new Set([path, lxcPath])]
    const made = [...containers].flatMap(([sid, one]) =>
      paths(one).map((path) => ({ sid, container: { ...one, path } })),
    )
    return [
      ...made,
      ...Array.from(asked, ([sid, name]) => ({ sid, container: { name, path: lxcPath } })),
    ]
  }

  /** Found from now on, also where a gate is not to be had. */
  function nameAll(services: readonly Asked[]): void {
    for (const { sid, spec } of services) {
      const read = ContainerName.safeParse(spec)
      if (read.success) asked.set(sid, read.data.container)
    }
  }

  /** Whoever has started it, it is ours to tell of; and from now on nobody else starts it here. */
  function meet({ sid, spec }: Asked): void {
    const read = ContainerName.safeParse(spec)
    if (!read.success || starting.has(sid)) return
    const { container: name } = read.data
    gateContainer(sid, name, gate.path(sid), places)
    if (!containers.has(sid)) noteContainer(sid, { name, path: lxcPath })
  }

  function noteMain(pid: number, path: string): void {
    writeFileSync(path, `${bootId} ${readFileSync(`/proc/${pid}/stat`, 'latin1')}`, { mode: 0o600 })
  }

  function noteIfThere(pid: number, path: string): void {
    try {
      noteMain(pid, path)
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }

  async function stop(sid: string, timeoutMs: number): Promise<DriverResult> {
    gate.close(sid)
    const running = endings.get(sid)
    if (running) {
      running.hurry(timeoutMs)
      return running.done
    }
    starting.get(sid)?.abort()
    watched.get(sid)?.stop()
    watched.delete(sid)
    const ending = endProcesses(
      {
        clock,
        look: () => groupsOf(sid),
        killAtOnce: () => {},
        ask: () => askToEnd(sid),
      },
      timeoutMs,
    )
    endings.set(sid, ending)
    const result = await ending.done.finally(() => endings.delete(sid))
    if (result.outcome !== 'ok') return result
    for (const one of runFiles.list()) if (one.sid === sid) runFiles.remove(sid, one.generation)
    const container = containers.get(sid)
    if (container) removeEmptyCgroups(container.name)
    return result
  }

  /** Its monitor knows which signal its first process takes for a shutdown. */
  function askToEnd(sid: string): void {
    const container = containers.get(sid)
    if (!container) return
    const { path, name } = container
    const words = ['-P', path, '-n', name, '--nowait']
    void runCommand('lxc-stop', words, { timeoutMs: askTimeoutMs })
  }

  async function survey(probed: readonly Asked[] = [], known: readonly Asked[] = []) {
    nameAll([...probed, ...known])
    for (const one of [...probed, ...known]) meet(one)
    // Later than whatever had been looked at before they were named.
    if (probed.length + known.length > 0) await nextTurn()
    return look().map((group): Found => {
      const { sid, generation, main } = group
      const isRunning = main !== null && !starting.has(sid) && !endings.has(sid)
      if (isRunning) watch(group)
      // Its monitor may die before it does.
      if (isRunning && generation === 0) noteIfThere(main.pid, runFiles.path(sid, 0))
      return { sid, generation, state: isRunning ? 'running' : 'unknown' }
    })
  }

  const measure = () =>
    readServices(
      Array.from(watched, ([sid, { generation, pid }]) => ({
        ...{ sid, generation, pid },
        cgroups: cgroupOf(pid, /^lxc\.payload\./),
      })),
    )

  function detach(): void {
    isDetached = true
    for (const one of watched.values()) one.stop()
    watched.clear()
  }

  return { type: 'ct', survey, prepare: () => {}, start, stop, measure, detach }
}

/** What LXC calls them, as earlier processes of this boot have noted it. */
function readContainers(folder: string): Map<string, Container> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(folder, file), 'utf8')
      return [file.slice(0, -'.json'.length), JSON.parse(text) as Container]
    }),
  )
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The first thing LXC complained of. */
function reasonOf(log: string, stderr: string): string {
  const lines = (readIfThere(log) ?? stderr).split('\n')
  const first = lines.find((line) => line.includes(' ERROR ')) ?? lines[0] ?? ''
  const reason = first.replace(/^.* ERROR +\S+ - \S+ - /, '') || 'lxc-start failed'
  return lines.some((line) => line.includes('Failed to run lxc.hook.pre-start'))
    ? `the start gate, or another pre-start hook, said no: ${reason}`
    : reason
}
