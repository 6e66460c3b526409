// The source's half of a live move. The client, its exit code and its death decide nothing: what counts is what libvirt says
// is here once no job is left. Aborted at the deadline by this process, whoever else may have given up.
import { setTimeout as pause } from 'node:timers/promises'
import type { MoveProgress } from '../../../shared/live-move.ts'
import { whyNotLive } from '../../../shared/specs/domain-xml.ts'
import type { MigrateRequest, MigrateResult } from '../driver.ts'
import { withDomainFile } from './domain-file.ts'
import type { Domain } from './domains.ts'
import { withMark } from './mark.ts'
import { endMove } from './vm-ending.ts'
import { isMovingAway, isOwn, machineOf, type VmHost } from './vm-host.ts'
import { readAddress } from './vm-receive.ts'
import { readVmSpec } from './vm-start.ts'
import { faultOf } from './virsh.ts'

const progressEveryMs = 500
/** How long a job may take to end once it was told to, before that is a doubt. */
const endsWithinMs = 20_000
const lookEveryMs = 100

const stays = (outcome: MigrateResult['outcome'], detail: string): MigrateResult => ({
  ...{ outcome, detail, left: 'running' },
})
const gone = 'nothing of it is here'

/** Moves it to where the target listens, and says what is left here. */
export async function moveMachine(host: VmHost, request: MigrateRequest): Promise<MigrateResult> {
  const { sid, marked } = request
  const read = readVmSpec(request.spec)
  if ('invalid' in read) return stays('invalid', read.invalid)
  const { spec, domain } = read
  const never = whyNotLive(domain, spec.diskLocks)
  if (never !== null) return stays('not-live', never)
  const address = readAddress(request.address)
  if (address === null) return stays('invalid', 'its target’s address cannot be read')
  const { uuid } = domain
  const machine = await machineOf(host, uuid)
  if (machine === null) return settle(host, uuid, { outcome: 'error', detail: gone })
  if (!isOwn(host, machine) || machine.mark.generation !== marked)
    return {
      outcome: 'error',
      detail: `it does not run here as ${sid}.${marked}`,
      left: 'unknown',
    }
  // What libvirt would check at the target; with the target's mark instead of ours.
  const xml = await host.virsh.ask(['dumpxml', '--migratable', '--security-info', uuid])
  const flags = ['--live', '--p2p', '--abort-on-error', ...(spec.migrateUnsafe ? ['--unsafe'] : [])]
  return withDomainFile(withMark(xml, address.mark), async (file) => {
    if (!request.mayBegin()) return stays('error', 'later than the lease allows')
    const endsAtMs = host.clock.bootMs() + request.timeoutMs
    const watching = watch(host, uuid, request, endsAtMs)
    try {
      const limits = { timeoutMs: request.timeoutMs + endsWithinMs }
      const words = ['migrate', ...flags, '--xml', file, uuid, address.uri]
      const client = await host.virsh.run(words, limits)
      const { code } = client
      const said = {
        outcome: code === 0 ? 'ok' : 'error',
        detail: code === 0 ? '' : faultOf(client),
      } as const
      // The job of a client that is gone goes on, and is followed to its own deadline.
      const result = await settle(host, uuid, said, endsAtMs + endsWithinMs)
      const isEnded = watching.isAborted && result.left !== 'nothing'
      return isEnded ? { ...result, outcome: 'timeout', detail: 'ended at its deadline' } : result
    } finally {
      watching.end()
    }
  })
}

/** Tells how far it has come, and aborts it at its deadline for as long as it does not end. */
function watch(host: VmHost, uuid: string, request: MigrateRequest, endsAtMs: number) {
  const watching = { isAborted: false, end: () => clearInterval(timer) }
  let isAsking = false
  const timer = setInterval(() => {
    if (isAsking) return
    isAsking = true
    void look().finally(() => {
      isAsking = false
    })
  }, progressEveryMs)
  async function look(): Promise<void> {
    if (host.clock.bootMs() >= endsAtMs) {
      watching.isAborted = true
      await host.virsh.run(['domjobabort', uuid])
      return
    }
    const said = await host.virsh.run(['domjobinfo', uuid, '--rawstats'])
    const progress = readProgress(said.stdout)
    if (progress !== null) request.onProgress(progress)
  }
  return watching
}

/** What a job has done so far; null: no job tells. */
export function readProgress(rawstats: string): MoveProgress | null {
  const figure = (key: string) => {
    const text = new RegExp(`^${key}: *(\\d+)$`, 'm').exec(rawstats)?.[1]
    return text === undefined ? null : Number(text)
  }
  const [total, done, remaining] = ['data_total', 'data_processed', 'data_remaining'].map(figure)
  if (total == null || done == null || remaining == null || total === 0) return null
  // Pages written again are sent again: what remains can grow, and with it what is left of the percent.
  const percent = Math.min(100, Math.max(0, Math.round((1 - remaining / total) * 100)))
  return { percent, transferredBytes: done, remainingBytes: remaining }
}

/** Ends a move away for good, whoever began it, and says what is left here. */
export async function cancelMove(host: VmHost, uuids: string[]): Promise<MigrateResult> {
  const verdict = { outcome: 'error', detail: 'the move was ended' } as const
  for (const uuid of uuids) {
    const machine = await machineOf(host, uuid)
    if (machine === null) continue
    await endMove(host, machine)
    return settle(host, uuid, verdict)
  }
  if (host.processes.machines(uuids).length > 0) return { ...verdict, left: 'unknown' }
  return { outcome: 'error', detail: gone, left: 'nothing' }
}

type Verdict = Pick<MigrateResult, 'outcome' | 'detail'>

/** Waits until no job is left, and believes only what is here then. */
async function settle(
  host: VmHost,
  uuid: string,
  verdict: Verdict,
  untilMs = host.clock.bootMs() + endsWithinMs,
): Promise<MigrateResult> {
  let quietLooks = 0
  for (; host.clock.bootMs() < untilMs; await pause(lookEveryMs)) {
    let machine: Domain | null
    try {
      machine = await machineOf(host, uuid)
    } catch {
      continue
    }
    if (machine === null) {
      if (host.processes.machines([uuid]).length > 0) continue
      return { ...verdict, left: 'nothing' }
    }
    quietLooks = isMovingAway(host, machine) ? 0 : quietLooks + 1
    // A client that was killed may have asked just before.
    if (quietLooks < 2) continue
    const { outcome, detail } = verdict
    const said = outcome === 'ok' ? stays('error', 'libvirt calls it moved, and it is here') : null
    if (isRunning(machine)) return said ?? stays(outcome, detail)
    const resumed = await host.virsh.run(['resume', uuid])
    // With the lock of its disk it runs elsewhere: what is here never can again.
    if (resumed.code !== 0 && /lock/i.test(resumed.stderr)) await host.virsh.run(['destroy', uuid])
  }
  return {
    outcome: verdict.outcome,
    detail: `${verdict.detail}; what is left is not known`,
    left: 'unknown',
  }
}

/** Paused by somebody is as it was before. */
function isRunning({ state, reason }: Domain): boolean {
  return state !== 'paused' || reason === 'user' || reason === 'ioerror'
}
