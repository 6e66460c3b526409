// Ending a virtual machine for certain: what moves it is ended, then it is asked to shut down, destroyed at the timeout, and
// looked for until two looks in a row find neither a domain in libvirt nor a QEMU process.
import type { DriverResult } from '../driver.ts'
import type { Domain } from './domains.ts'
import { VirshFailed } from './virsh.ts'
import { domainsOf, hasArrived, isMovingAway, type VmHost } from './vm-host.ts'

/** A machine that is still coming up does not hear the first time. */
const askAgainMs = 10_000
/** After so long at the end of its time its processes are killed past libvirt. */
const libvirtPatienceMs = 3_000
/** How long killed machines may take to vanish before the stop has failed. */
const killPatienceMs = 15_000
const fastestLookMs = 50
const slowestLookMs = 1_000

type Look = { domains: Domain[]; pids: number[]; fault: VirshFailed | null }

export class VmEnding {
  readonly done: Promise<DriverResult>
  private readonly host: VmHost
  private readonly sid: string
  private killAtMs: number
  private readonly askedMs = new Map<string, number>()
  private wake: (() => void) | null = null

  constructor(host: VmHost, sid: string, timeoutMs: number) {
    this.host = host
    this.sid = sid
    this.killAtMs = host.clock.bootMs() + timeoutMs
    this.done = this.run()
  }

  /** A stop asked for again may only get shorter. */
  hurry(timeoutMs: number): void {
    const killAtMs = this.host.clock.bootMs() + timeoutMs
    if (killAtMs >= this.killAtMs) return
    this.killAtMs = killAtMs
    this.lookNow()
  }

  /** Something has happened to it. */
  lookNow(): void {
    this.wake?.()
  }

  private async run(): Promise<DriverResult> {
    let emptyLooks = 0
    let pauseMs = fastestLookMs
    for (;;) {
      const look = await this.look()
      emptyLooks = isEmpty(look) ? emptyLooks + 1 : 0
      if (emptyLooks === 2) return { outcome: 'ok', detail: '' }
      const lateMs = this.host.clock.bootMs() - this.killAtMs
      if (emptyLooks === 0 && lateMs > killPatienceMs)
        return { outcome: 'timeout', detail: describe(look) }
      if (emptyLooks === 1) continue
      await this.press(look, lateMs)
      await this.pause(lateMs >= 0 ? fastestLookMs : Math.min(pauseMs, -lateMs))
      pauseMs = Math.min(slowestLookMs, pauseMs * 1.5)
    }
  }

  private async look(): Promise<Look> {
    const { processes, records } = this.host
    let [domains, fault]: [Domain[], VirshFailed | null] = [[], null]
    try {
      domains = await domainsOf(this.host, this.sid)
    } catch (error) {
      if (!(error instanceof VirshFailed)) throw error
      fault = error
    }
    const uuids = [...records.uuidsOf(this.sid), ...domains.map((one) => one.uuid)]
    return { domains, fault, pids: processes.machines(uuids) }
  }

  private async press({ domains, pids, fault }: Look, lateMs: number): Promise<void> {
    for (const domain of domains) {
      const { uuid } = domain
      if (isMovingAway(this.host, domain)) await endMove(this.host, domain)
      if (lateMs >= 0 || isNotAlive(domain, this.host)) await this.host.virsh.run(['destroy', uuid])
      else await this.ask(uuid)
    }
    const isPastLibvirt = fault !== null || domains.length === 0 || lateMs > libvirtPatienceMs
    if (lateMs >= 0 && isPastLibvirt) for (const pid of pids) kill(pid)
  }

  private async ask(uuid: string): Promise<void> {
    const nowMs = this.host.clock.bootMs()
    if (nowMs < (this.askedMs.get(uuid) ?? -Infinity) + askAgainMs) return
    this.askedMs.set(uuid, nowMs)
    await this.host.virsh.run(['shutdown', uuid])
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** Ends the job that moves it away, and whoever could still begin one. */
export async function endMove(host: VmHost, { uuid, name }: Domain): Promise<void> {
  // A client asked its daemon at once, or never will.
  for (const pid of host.processes.movers(uuid, name)) kill(pid)
  await host.virsh.run(['domjobabort', uuid])
}

/** Nobody in it can be asked: it is coming in, or has not begun. */
function isNotAlive(domain: Domain, host: VmHost): boolean {
  const { sid, generation } = domain.mark ?? {}
  const record = host.records.list().find((one) => one.sid === sid && one.generation === generation)
  if (record?.stage === 'incoming') return !hasArrived(domain)
  return record?.stage === 'starting' && domain.state === 'paused'
}

/** Without a daemon nothing is pending in it; one that does not answer proves nothing. */
function isEmpty({ domains, pids, fault }: Look): boolean {
  return domains.length === 0 && pids.length === 0 && (fault === null || fault.isNoDaemon)
}

function describe({ domains, pids, fault }: Look): string {
  if (fault !== null) return `libvirt cannot be asked: ${fault.message}`
  const named = domains.map((one) => `${one.name} ${one.state}`)
  return `not gone: ${[...named, ...pids.map((pid) => `pid ${pid}`)].join(', ')}`
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended in this very moment; if it may not be killed, the next look finds it again.
  }
}
