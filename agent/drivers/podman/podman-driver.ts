// The `podman:` driver. A container lives from its start to its stop and is removed then: what is not there, nobody
// starts. One that crashed, or was left by a reboot, needs the grant file to start, like any other.
// SAFETY: a client that was begun may outlive the agent; it carries the mark, and is ended before a stop is ok.
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { PodmanSpec } from '../../../shared/specs/container.ts'
import type { Found } from '../../lrm/decide/lrm.ts'
import { cgroupOf } from '../cgroup-of.ts'
import type { Asked, Driver, DriverResult, StartRequest } from '../driver.ts'
import { createGate } from '../gate.ts'
import type { HostOptions } from '../host-drivers.ts'
import { markOf } from '../process/members.ts'
import { readProcess } from '../process/proc-table.ts'
import { readServices } from '../process/service-usage.ts'
import { watchProcess } from '../process/watch.ts'
import {
  attendantsOf,
  clientMark,
  createPodman,
  findClients,
  isOf,
  type Known,
  processesOf,
  reasonOf,
  runWords,
} from './podman.ts'
import { installPodmanHook, usualHooks } from './hook.ts'
import { createMetContainers, madeName } from './met.ts'
import { removeAll } from './remove-all.ts'

export type PodmanDriverOptions = Pick<
  HostOptions,
  'home' | 'runDirectory' | 'owner' | 'bootId' | 'clock' | 'events' | 'log'
> & { globals?: readonly string[]; hooks?: string }

/** As the plane names it. */
const ContainerName = z.object({ name: z.string() })

type Watched = { generation: number; pid: number; stop(): void }
type Stopping = { hurry(timeoutMs: number): void; done: Promise<DriverResult> }

const startTimeoutMs = 120_000
const pullTimeoutMs = 900_000

export function createPodmanDriver(options: PodmanDriverOptions): Driver {
  const { owner, bootId, clock, events, log } = options
  const grants = join(options.runDirectory, 'grants')
  const gate = createGate(grants, 'podman', bootId)
  const folder = join(options.home, 'podman')
  const met = createMetContainers(folder)
  const podman = createPodman(owner, options.globals, met.serviceOf)
  const { hooks = usualHooks } = options
  const watched = new Map<string, Watched>()
  const starting = new Map<string, AbortController>()
  const stopping = new Map<string, Stopping>()
  let isDetached = false
  let isHookless = false

  function watch({ sid, generation, pid }: Known): void {
    const main = readProcess(pid)
    if (main === null || isDetached || watched.get(sid)?.pid === pid) return
    watched.get(sid)?.stop()
    const stop = watchProcess(main, (detail) => {
      watched.delete(sid)
      events.exited(sid, generation, `its first process ${detail}`)
    })
    watched.set(sid, { generation, pid, stop })
  }

  async function start(request: StartRequest): Promise<DriverResult> {
    const { sid } = request
    const parsed = PodmanSpec.safeParse(request.spec)
    if (!parsed.success) return { outcome: 'invalid', detail: z.prettifyError(parsed.error) }
    if (starting.has(sid)) return { outcome: 'error', detail: 'it is being started' }
    const abort = new AbortController()
    starting.set(sid, abort)
    try {
      return await startNow(request, parsed.data, abort.signal)
    } finally {
      gate.close(sid)
      starting.delete(sid)
    }
  }

  async function startNow(
    request: StartRequest,
    spec: PodmanSpec,
    signal: AbortSignal,
  ): Promise<DriverResult> {
    const { sid, generation } = request
    const isLate = () => stopping.has(sid) || signal.aborted || !request.mayStart()
    const late: DriverResult = {
      outcome: 'error',
      detail: 'it is being stopped, or the lease is over',
    }
    if (isLate()) return late
    const lacking = spec.image === undefined ? null : await fetchImage(spec.image, signal)
    if (lacking) return lacking
    // What a crash or a reboot has left of it makes room; while anything of it lives, it is no start's to end.
    for (const { id, isForeign } of (await podman.list()).filter((one) => one.sid === sid)) {
      if (mayLive(id)) return { outcome: 'error', detail: 'it is not ended yet' }
      if (isForeign) continue
      await podman.run(['rm', '--force', '--time=0', id], { timeoutMs: 30_000 })
    }
    if (isLate()) return late
    const mark = markOf(owner, sid, generation)
    const words = runWords(spec, { name: nameOf(sid), mark, owner, grantFile: gate.path(sid) })
    gate.open(sid, generation)
    const result = await podman.run(words, {
      ...{ timeoutMs: startTimeoutMs, signal, environment: { [clientMark]: mark } },
      leavesRunning: true,
    })
    gate.close(sid)
    if (result.isTimeout) return { outcome: 'timeout', detail: reasonOf(result) }
    if (result.code !== 0)
      return { outcome: 'error', detail: reasonOf(result) || 'podman run failed' }
    const known = (await podman.list()).find((one) => one.sid === sid && isAlive(one))
    if (!known || signal.aborted)
      return { outcome: 'error', detail: 'it ended as soon as it was started' }
    watch(known)
    return { outcome: 'ok', detail: `pid ${known.pid}` }
  }

  /** Before the start proper: what a registry takes is no time of the start's. */
  async function fetchImage(image: string, signal: AbortSignal): Promise<DriverResult | null> {
    const exists = await podman.run(['image', 'exists', image], { timeoutMs: 30_000, signal })
    if (exists.code === 0) return null
    const pulled = await podman.run(['pull', '--quiet', image], {
      timeoutMs: pullTimeoutMs,
      signal,
    })
    if (pulled.code === 0) return null
    return { outcome: 'error', detail: `the image ${image} cannot be had: ${reasonOf(pulled)}` }
  }

  function stop(sid: string, timeoutMs: number): Promise<DriverResult> {
    gate.close(sid)
    const running = stopping.get(sid)
    if (running) {
      running.hurry(timeoutMs)
      return running.done
    }
    starting.get(sid)?.abort()
    watched.get(sid)?.stop()
    watched.delete(sid)
    const kill = new AbortController()
    const timers: NodeJS.Timeout[] = []
    const hurry = (ms: number) => void timers.push(setTimeout(() => kill.abort(), ms))
    if (timeoutMs > 0) hurry(timeoutMs)
    else kill.abort()
    const done = removeAll({ sid, owner, podman, clock, kill: kill.signal }).finally(() => {
      for (const timer of timers) clearTimeout(timer)
      stopping.delete(sid)
    })
    stopping.set(sid, { hurry, done })
    return done
  }

  /** What the agent makes has a gate of its own; without the hook only what others make has none. */
  function gateForeign(): void {
    try {
      installPodmanHook({ nodeUid: owner.nodeUid, hooks, grants, met: folder })
    } catch (error) {
      const why = (error as Error).message
      if (!isHookless) log('warn', 'containers that others make have no start gate', { why })
      isHookless = true
    }
  }

  /** Whoever has made it, it is ours to tell of; and from now on nobody else starts it here. */
  async function meet(asked: readonly Asked[]): Promise<void> {
    if (asked.length === 0) return
    gateForeign()
    for (const { sid, spec } of asked) {
      const read = ContainerName.safeParse(spec)
      if (!read.success || !met.know(sid, read.data.name)) continue
      // It is on disk by then: a long list must not keep this process from feeding.
      await setImmediate()
    }
  }

  async function survey(
    asked: readonly Asked[] = [],
    known: readonly Asked[] = [],
  ): Promise<Found[]> {
    await meet([...asked, ...known])
    const found: Found[] = []
    // Clients first: one that ends meanwhile has left a container that the list then shows.
    for (const { sid, generation } of findClients(owner))
      found.push({ sid, generation, state: 'unknown' })
    for (const known of await podman.list()) {
      const { sid, generation, id } = known
      if (found.some((one) => one.sid === sid)) continue
      const isInHand = starting.has(sid) || stopping.has(sid)
      if (!isInHand && isAlive(known)) {
        watch(known)
        found.push({ sid, generation, state: 'running' })
      } else if (isInHand || mayLive(id)) found.push({ sid, generation, state: 'unknown' })
    }
    return found
  }

  const measure = () =>
    readServices(
      Array.from(watched, ([sid, { generation, pid }]) => ({
        ...{ sid, generation, pid },
        cgroups: cgroupOf(pid, /^libpod-[0-9a-f]{64}/),
      })),
    )

  function detach(): void {
    isDetached = true
    for (const one of watched.values()) one.stop()
    watched.clear()
  }

  return { type: 'podman', survey, prepare: () => {}, start, stop, measure, detach }
}

/** Podman hears of an end through conmon, which may be gone: the kernel has the last word. */
function isAlive({ pid, id }: Known): boolean {
  return pid > 0 && readProcess(pid) !== null && isOf(pid, id)
}

const mayLive = (id: string) => processesOf(id).length > 0 || attendantsOf(id).length > 0

const nameOf = (sid: string) => madeName(sid.slice(sid.indexOf(':') + 1))
