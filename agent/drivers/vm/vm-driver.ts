// The `vm:` driver: virtual machines under libvirt, each a transient domain with a mark in its metadata. A domain that has
// ended is not even a definition any more; the machine's XML comes with each start.
import { join } from 'node:path'
import type { Clock } from '../../../shared/clock.ts'
import type { Found } from '../../lrm/decide/lrm.ts'
import type {
  Asked,
  Driver,
  DriverEvents,
  DriverResult,
  MigrateResult,
  StartRequest,
} from '../driver.ts'
import type { MigrateRequest, ReceiveRequest, ReceiveResult } from '../driver.ts'
import type { Ending } from '../ending-loop.ts'
import { type Domain, lookAtDomains } from './domains.ts'
import { createHostProcesses } from './qemu-processes.ts'
import { createStartGate } from './start-gate.ts'
import { createVirsh, VirshFailed } from './virsh.ts'
import { takeDefinitionsAway } from './vm-definitions.ts'
import { describeMachine } from './vm-describe.ts'
import { endMachine } from './vm-ending.ts'
import { isOwn, serviceOf, stateOf, type VmHost } from './vm-host.ts'
import { cancelMove, moveMachine } from './vm-leaving.ts'
import { meetAll, meetMachine } from './vm-meet.ts'
import { openForMachine } from './vm-receive.ts'
import { createVmRecords, type VmRecord } from './vm-records.ts'
import { readVmSpec, startMachine } from './vm-start.ts'
import { readMachines } from './vm-usage.ts'
import { watchMachines } from './vm-watch.ts'

export type VmDriverOptions = {
  home: string
  runDirectory: string
  owner: { clusterUuid: string; nodeUid: string }
  bootId: string
  clock: Clock
  events: DriverEvents
  /** Of the daemon on this host, for this process. */
  libvirtUri: string
  /** The same daemon, as those of other hosts reach it. */
  libvirtAddress: string
  /** Where that daemon looks for hooks, and writes down its pid. */
  hooks?: string
  pidFiles?: string[]
  /** Tells hosts apart that share one process table. */
  isOfHost?: (pid: number) => boolean
}

export function createVmDriver(options: VmDriverOptions): Driver {
  const { owner, bootId, clock, events, libvirtUri } = options
  const grants = join(options.runDirectory, 'grants')
  const known = join(options.home, 'vm')
  const stages = join(options.runDirectory, 'vm')
  const hooks = options.hooks ?? '/etc/libvirt/hooks'
  const pidFiles = options.pidFiles ?? ['/run/libvirtd.pid', '/run/virtqemud.pid']
  const virsh = createVirsh(libvirtUri)
  const { nodeUid } = owner
  const host: VmHost = {
    ...{ owner, bootId, clock, virsh },
    processes: createHostProcesses(libvirtUri, options.isOfHost),
    records: createVmRecords({ stages, known }, bootId),
    gate: createStartGate({ nodeUid, hooks, grants, known, bootId, virsh, pidFiles }),
    taken: join(options.home, 'vm-taken'),
  }
  const starting = new Map<string, object>()
  const moving = new Map<string, Promise<MigrateResult>>()
  /** A move away has left a doubt: QEMU alone may still be at it. */
  const doubtful = new Set<string>()
  const endings = new Map<string, Ending>()
  const isInHand = (sid: string) => endings.has(sid) || moving.has(sid) || starting.has(sid)
  const watch = watchMachines({
    ...{ host, events },
    isInHand,
    happened(name) {
      for (const one of host.records.list()) if (one.name === name) endings.get(one.sid)?.lookNow()
    },
  })

  async function start(request: StartRequest): Promise<DriverResult> {
    const { sid, generation } = request
    const isBusy = starting.has(sid) || endings.has(sid) || moving.has(sid)
    if (isBusy) return { outcome: 'error', detail: 'it is being started, stopped or moved' }
    const turn = {}
    starting.set(sid, turn)
    const isOvertaken = () => starting.get(sid) !== turn
    let result: DriverResult
    try {
      result = await startMachine(host, request, isOvertaken)
    } finally {
      if (!isOvertaken()) starting.delete(sid)
    }
    const read = readVmSpec(request.spec)
    if (result.outcome === 'ok' && 'domain' in read && !endings.has(sid)) {
      const { name, uuid } = read.domain
      watch.follow({ sid, generation, name, uuid, isIncoming: false })
    }
    return result
  }

  async function stop(sid: string, timeoutMs: number): Promise<DriverResult> {
    host.gate.close(sid)
    starting.delete(sid)
    watch.unfollow(sid)
    const running = endings.get(sid)
    if (running) {
      running.hurry(timeoutMs)
      return running.done
    }
    const ending = endMachine(host, sid, timeoutMs)
    endings.set(sid, ending)
    const result = await ending.done.finally(() => endings.delete(sid))
    if (result.outcome === 'ok') forget(sid)
    return result
  }

  function forget(sid: string): void {
    for (const one of host.records.list())
      if (one.sid === sid) host.records.remove(sid, one.generation)
  }

  async function receive(request: ReceiveRequest): Promise<ReceiveResult> {
    const { sid, generation } = request
    const result = await openForMachine(host, request, options.libvirtAddress)
    const read = readVmSpec(request.spec)
    if (result.outcome !== 'ok' || !('domain' in read)) return result
    const followed = watch.get(sid)
    if (followed?.generation === generation) return result
    const { name, uuid } = read.domain
    watch.follow({ sid, generation, name, uuid, isIncoming: true })
    return result
  }

  async function migrate(request: MigrateRequest): Promise<MigrateResult> {
    const { sid } = request
    if (moving.has(sid)) return { outcome: 'error', detail: 'it is being moved', left: 'unknown' }
    return inHand(sid, moveMachine(host, request))
  }

  /** Nobody else tells its end meanwhile; afterwards it is watched again, or over. */
  async function inHand(sid: string, move: Promise<MigrateResult>): Promise<MigrateResult> {
    moving.set(sid, move)
    doubtful.add(sid)
    const result = await move.finally(() => moving.delete(sid))
    if (result.left !== 'unknown') doubtful.delete(sid)
    if (result.left === 'nothing') {
      watch.unfollow(sid)
      forget(sid)
    }
    const followed = watch.get(sid)
    // What happened while nobody looked.
    if (followed !== null && result.left === 'running') watch.follow({ ...followed })
    return result
  }

  async function cancel(sid: string): Promise<MigrateResult> {
    const cancelled = cancelMove(host, host.records.uuidsOf(sid))
    return moving.has(sid) ? cancelled : inHand(sid, cancelled)
  }

  /** null: there is no daemon, and so no domain. */
  async function listed(): Promise<Domain[] | null> {
    try {
      return await lookAtDomains(virsh)
    } catch (error) {
      if (error instanceof VirshFailed && error.isNoDaemon) return null
      throw error
    }
  }

  /**
   * Its QEMU lives, and there is no daemon to be asked. A machine that this process has seen run runs on, and its end is
   * noticed all the same; of one that an earlier process started nothing can be told before the daemon is back.
   */
  function whatSeemsToRun(sid: string, uuid: string, records: VmRecord[]): Found {
    const own = records.filter((one) => one.sid === sid)
    const generation = Math.max(0, ...own.map((one) => one.generation))
    const seen = watch.get(sid)
    if (isInHand(sid) || doubtful.has(sid) || seen?.isIncoming)
      return { sid, generation, state: 'unknown' }
    if (seen?.uuid === uuid) return { sid, generation: seen.generation, state: 'running' }
    const isHalfMade = own.some(({ stage }) => stage !== 'running')
    return { sid, generation, state: isHalfMade ? 'unknown' : 'unseen' }
  }

  async function survey(
    asked: readonly Asked[] = [],
    known: readonly Asked[] = [],
    held: readonly string[] = [],
  ): Promise<Found[]> {
    for (const one of asked) await meetMachine(host, one)
    await meetAll(host, known)
    const found: Found[] = []
    const records = host.records.list()
    const newest = (sid: string) =>
      Math.max(0, ...records.filter((one) => one.sid === sid).map((one) => one.generation))
    const domains = await listed()
    if (domains !== null) await takeDefinitionsAway(host, known, held, domains, isInHand)
    for (const domain of domains ?? []) {
      const sid = serviceOf(host, domain)
      if (sid === null) continue
      if (!isOwn(host, domain)) {
        found.push({ sid, generation: newest(sid), state: 'unknown' })
        continue
      }
      const { generation } = domain.mark
      const record = records.find((one) => one.sid === sid && one.generation === generation)
      const state = moving.has(sid) ? 'migrating' : stateOf(host, domain, record ?? null)
      found.push({ sid, generation, state })
      const { name, uuid } = domain
      if (state === 'unknown' || watch.get(sid)?.generation === generation) continue
      if (endings.has(sid) || starting.has(sid)) continue
      watch.follow({ sid, generation, name, uuid, isIncoming: record?.stage === 'incoming' })
    }
    const isFound = (sid: string) => found.some((one) => one.sid === sid)
    // Past libvirt: its daemon has forgotten it, or is not there.
    const ever = host.records.ever().filter(({ sid }) => !isFound(sid))
    const alive = host.processes.alive(ever.map(({ uuid }) => uuid))
    for (const { sid, uuid } of ever)
      if (alive.includes(uuid))
        found.push(
          domains === null
            ? whatSeemsToRun(sid, uuid, records)
            : { sid, generation: newest(sid), state: 'unknown' },
        )
    for (const { sid, generation, stage } of records) {
      if (isFound(sid)) continue
      const isOpen = watch.get(sid)?.generation === generation && stage === 'incoming'
      if (isOpen) found.push({ sid, generation, state: 'incoming' })
      else if (starting.has(sid)) found.push({ sid, generation, state: 'unknown' })
      else if (!watch.get(sid)) host.records.remove(sid, generation)
    }
    return found
  }

  return {
    type: 'vm',
    ...{ survey, start, stop, receive, migrate, cancel },
    describe: (sid, name) => describeMachine(host, sid, name),
    prepare: () => {},
    measure: () =>
      readMachines(
        virsh,
        watch.list().filter((one) => !one.isIncoming),
      ),
    detach: () => watch.end(),
  }
}
