// The safety contract as a machine sees it: what must hold whenever the agent starts something or says something.
import type { Effect, LrmEvent } from '../../agent/lrm/decide/effect.ts'
import { checkMoves, mayBeElsewhere } from './halves.ts'
import type { Pending, World } from './world.ts'

type Add = (finish: Pending['finish'], fail?: Pending['fail']) => void

/** A renewal is on its way: what it says must be true, and its number new. */
export function beginRenewal(
  world: World,
  { request }: Extract<Effect, { kind: 'renew' }>,
  add: Add,
): void {
  const { epoch, seq } = request
  world.breach(seq <= (world.seqs.get(epoch) ?? 0), `seq ${seq} was used before`)
  world.seqs.set(epoch, seq)
  world.breach(
    world.pending.some((p) => p.effect.kind === 'renew'),
    'two renewals in flight',
  )
  world.breach(request.armed && !world.device.running, 'said armed, and was not')
  for (const { sid, generation } of request.closed) {
    const there = world.host.get(sid) ?? world.incoming.get(sid) ?? -1
    world.breach(there >= 0, `told ${sid} closed while it is here`)
    const written = world.disk.journal?.closed[sid] ?? -1
    world.breach(written < generation, `told ${sid} closed before it was on disk`)
    world.toldClosed.set(sid, Math.max(generation, world.toldClosed.get(sid) ?? -1))
  }
  checkMoves(world, request)
  const lost = (): LrmEvent => ({ kind: 'lease-failed', seq, why: 'net' })
  const sentMs = world.nowMs
  add(() => {
    const event = world.plane.renew(structuredClone(request), world.nowMs)
    // F = 3W: what the lease allows counts from the sending of this very request.
    if (event.kind === 'lease-granted') {
      const untilMs = sentMs + event.answer.leaseMs - 3 * world.plane.timing.watchdogMs
      world.mayFeedUntilMs = Math.max(world.mayFeedUntilMs, untilMs)
    }
    return event
  }, lost)
}

/** Of what is stopped nothing is left, nor can it still come or go; or it is stuck. */
export function beginStop(
  world: World,
  { sid, generation }: Extract<Effect, { kind: 'stop' }>,
  add: Add,
): void {
  add(
    () => {
      for (const what of [world.host, world.incoming, world.jobs, world.twoSteps.sent])
        what.delete(sid)
      return { kind: 'stopped', sid, generation, outcome: 'ok', detail: '' }
    },
    () => ({ kind: 'stopped', sid, generation, outcome: 'timeout', detail: 'stuck' }),
  )
}

/** A start is carried out: it must be confirmed, armed, on disk, and of nothing that was ended. */
export function beginStart(
  world: World,
  effect: Extract<Effect, { kind: 'start' }>,
  add: Add,
): void {
  const { sid, generation } = effect
  const key = `${world.lrm.epoch?.number}/${world.lrm.planeEpoch?.number}/${sid}/${generation}`
  world.breach(!world.plane.confirmed.has(key), `started ${key} without a confirm`)
  world.breach(!world.device.running, `started ${sid} without a watchdog`)
  const isThere = world.host.has(sid) || world.incoming.has(sid)
  world.breach(isThere, `started ${sid} twice on this node`)
  world.breach(mayBeElsewhere(world, sid, generation), `started ${sid}, which may be elsewhere`)
  world.breach(
    world.twoSteps.ever.has(`${sid}/${generation}`),
    `started ${sid}, which was sent off`,
  )
  world.breach((world.toldClosed.get(sid) ?? -1) >= generation, `started closed ${sid}`)
  const onDisk = world.disk.journal
  world.breach((onDisk?.closed[sid] ?? -1) >= generation, `started ${sid}, closed on disk`)
  world.breach(onDisk?.started[sid] !== generation, `started ${sid} before it was on disk`)
  const fail = (detail: string): LrmEvent => {
    world.host.delete(sid)
    return { kind: 'started', sid, generation, outcome: 'error', detail }
  }
  if (world.nowMs > effect.untilMs) return void add(() => fail('late'))
  world.host.set(sid, generation)
  add(
    () =>
      world.failStarts.has(sid)
        ? fail('exit code 1')
        : { kind: 'started', sid, generation, outcome: 'ok', detail: '' },
    () => fail('exit code 1'),
  )
}

/** What is answered to a challenge must be true, and on disk before it is said. */
export function checkAnswers(
  world: World,
  { found }: Extract<Effect, { kind: 'ask-epoch' }>,
): void {
  for (const { sid, generation, state } of found) {
    if (state !== 'stopped') continue
    const isThere = (world.host.get(sid) ?? world.incoming.get(sid)) === generation
    world.breach(isThere, `answered ${sid} stopped while it is here`)
    const written = world.disk.journal?.closed[sid] ?? -1
    world.breach(written < generation, `answered ${sid} stopped before it was on disk`)
  }
}

/** What an epoch promised dead must be dead, also what could only come alive. */
export function judgeRevoked(world: World): void {
  for (const { epoch, leaseUntilMs, guarded, sids } of world.plane.revoked) {
    if (!guarded || world.nowMs < leaseUntilMs) continue
    for (const [sid, generation] of [...world.host, ...world.incoming])
      if (sids.get(sid) === generation)
        world.breaches.push(`${sid}.${generation} of epoch ${epoch} outlived its lease`)
  }
}
