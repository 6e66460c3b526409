// Ending a virtual machine for certain: what moves it is ended, then it is asked to shut down, destroyed at the timeout, and
// looked for until two looks in a row find neither a domain in libvirt nor a QEMU process.
import { type Ending, endForCertain } from '../ending-loop.ts'
import { sendSignal } from '../send-signal.ts'
import type { Domain } from './domains.ts'
import { VirshFailed } from './virsh.ts'
import { domainsOf, hasArrived, isMovingAway, type VmHost } from './vm-host.ts'

/** A machine that is still coming up does not hear the first time. */
const askAgainMs = 10_000
/** After so long at the end of its time its processes are killed past libvirt. */
const libvirtPatienceMs = 3_000

type Look = { domains: Domain[]; pids: number[]; fault: VirshFailed | null }

export function endMachine(host: VmHost, sid: string, timeoutMs: number): Ending {
  const askedMs = new Map<string, number>()

  async function look(): Promise<Look> {
    const { processes, records } = host
    let [domains, fault]: [Domain[], VirshFailed | null] = [[], null]
    try {
      domains = await domainsOf(host, sid)
    } catch (error) {
      if (!(error instanceof VirshFailed)) throw error
      fault = error
    }
    const uuids = [...records.uuidsOf(sid), ...domains.map((one) => one.uuid)]
    return { domains, fault, pids: processes.machines(uuids) }
  }

  async function press({ domains, pids, fault }: Look, lateMs: number): Promise<void> {
    for (const domain of domains) {
      const { uuid } = domain
      if (isMovingAway(host, domain)) await endMove(host, domain)
      if (lateMs >= 0 || isNotAlive(domain, host)) await host.virsh.run(['destroy', uuid])
      else await ask(uuid)
    }
    const isPastLibvirt = fault !== null || domains.length === 0 || lateMs > libvirtPatienceMs
    if (lateMs >= 0 && isPastLibvirt) for (const pid of pids) sendSignal(pid, 'SIGKILL')
  }

  async function ask(uuid: string): Promise<void> {
    const nowMs = host.clock.bootMs()
    if (nowMs < (askedMs.get(uuid) ?? -Infinity) + askAgainMs) return
    askedMs.set(uuid, nowMs)
    await host.virsh.run(['shutdown', uuid])
  }

  return endForCertain<Look>(
    {
      clock: host.clock,
      ...{ look, press, isGone, describe },
      killPatienceMs: 15_000,
      pausesMs: { first: 50, longest: 1_000, late: 50 },
    },
    timeoutMs,
  )
}

/** Ends the job that moves it away, and whoever could still begin one. */
export async function endMove(host: VmHost, { uuid, name }: Domain): Promise<void> {
  // A client asked its daemon at once, or never will.
  for (const pid of host.processes.movers(uuid, name)) sendSignal(pid, 'SIGKILL')
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
function isGone({ domains, pids, fault }: Look): boolean {
  return domains.length === 0 && pids.length === 0 && (fault === null || fault.isNoDaemon)
}

function describe({ domains, pids, fault }: Look): string {
  if (fault !== null) return `libvirt cannot be asked: ${fault.message}`
  const named = domains.map((one) => `${one.name} ${one.state}`)
  return `not gone: ${[...named, ...pids.map((pid) => `pid ${pid}`)].join(', ')}`
}
