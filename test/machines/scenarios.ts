// What is done to a machine, and what is measured while it is dealt with. Each throws where a guarantee does not hold.
import assert from 'node:assert/strict'
import { fenceAfterMs, feedMarginMs, type Timing } from '../../shared/timing.ts'
import { waitFor } from '../e2e/wait.ts'
import type { Run } from '../witness/check.ts'
import type { Lab } from './lab.ts'
import type { Machine } from './machine.ts'

/** All from the moment of the trouble, in milliseconds. */
export type Measured = {
  scenario: string
  services: number
  /** The watchdog fired; QEMU's word. */
  resetMs: number
  /** How often an agent began and was killed before that, in a crash loop. */
  lives: number
  /** The last word of a service of the machine. */
  lastWordMs: number
  /** The plane wrote down that it is proved dead. */
  proofMs: number
  /** The last of its services runs again. */
  restartMs: number
  /** Node, that is: one that has booted again in time is as good as another. */
  where: string
  /** It is up again, and says why it went down. */
  bootMs: number
  bootstatus: number
  /** It is online in an epoch of its new boot, after it could be. */
  rejoinMs: number
  evidence: string
  expectedReset: string
  expectedProof: string
}

export type Trouble = {
  name: string
  begin(machine: Machine): Promise<void> | void
  /** Lets the machine, which has booted again, be a node again. */
  heal?(machine: Machine): Promise<void> | void
  /** Bounds of the moment at which the watchdog fires. */
  resetBounds(timing: Timing): [number, number]
  isCrashLoop?: boolean
}

/** A renewal may be on its way, and be answered, when the trouble comes; an emulated machine is slow to feed. */
const slackMs = 1_500

/** From the last lease: it was asked for up to a renewal interval before the trouble. */
const fromLease = ({ leaseMs, watchdogMs, renewMs }: Timing): [number, number] => {
  const lastFeedMs = leaseMs - feedMarginMs(watchdogMs)
  return [lastFeedMs - renewMs, lastFeedMs + watchdogMs]
}
/** From the last feed. */
const fromFeed = ({ watchdogMs }: Timing): [number, number] => [watchdogMs / 2, watchdogMs]

/** What feeds now and then, with the lease of the last agent that was heard. */
const fromFeedOrLease = (timing: Timing): [number, number] => [
  timing.watchdogMs / 2,
  fromLease(timing)[1],
]

/** From the commit of the last renewal, which was up to a renewal interval before the trouble. */
const proofBounds = (timing: Timing): [number, number] => {
  const dueMs = fenceAfterMs(timing)
  return [dueMs - timing.renewMs, dueMs + timing.requestTimeoutMs]
}

export const troubles: Trouble[] = [
  {
    name: 'cut off',
    begin: (machine) => machine.plug(false),
    heal: (machine) => machine.plug(true),
    resetBounds: fromLease,
  },
  {
    name: 'agent killed',
    begin: (machine) => machine.type('touch /run/no-agent; kill -9 $(cat /run/agent.pid)'),
    resetBounds: fromFeed,
  },
  {
    name: 'agent stopped (SIGSTOP)',
    begin: (machine) => machine.type('kill -STOP $(cat /run/agent.pid)'),
    resetBounds: fromFeed,
  },
  {
    name: 'kernel panic',
    begin: (machine) => machine.type('echo c >/proc/sysrq-trigger'),
    resetBounds: fromFeed,
  },
  {
    // Each life ends as it begins, too short to renew.
    name: 'agent crash-looping',
    isCrashLoop: true,
    begin: (machine) => machine.type('echo 0 >/run/crash-loop; kill -9 $(cat /run/agent.pid)'),
    resetBounds: fromFeedOrLease,
  },
]

export async function runTrouble(lab: Lab, trouble: Trouble): Promise<Measured> {
  const { timing } = lab.options
  const { operator } = lab
  const patienceMs = fenceAfterMs(timing) + 60_000
  const { node: name, victims } = await lab.victim(patienceMs)
  const machine = lab.machine(name)
  const { epoch, virtual, watchdog } = await operator.node(name)
  assert.ok(virtual, 'a virtual machine says that it is one')
  assert.ok(
    watchdog.protects,
    'its watchdog is armed and trusted, and it has a clock of its hypervisor',
  )
  const boots = machine.boots.length

  machine.lives = 0
  const startMs = performance.now()
  await trouble.begin(machine)
  const firedMs = await waitFor(() => machine.watchdogFired(startMs), {
    what: `the watchdog of ${name} to fire`,
    timeoutMs: timing.leaseMs + 5_000,
  })
  const { lives } = machine
  if (trouble.isCrashLoop) assert.ok(lives > 0, 'an agent began at least once in the crash loop')
  const again = await Promise.all(
    victims.map(({ sid, generation }) => lab.running(sid, generation, patienceMs)),
  )
  const booted = await waitFor(() => machine.boots[boots], {
    what: `${name} to be up again`,
    timeoutMs: 60_000,
  })
  await trouble.heal?.(machine)
  const healedMs = performance.now()
  await operator.until(
    `${name} to be online in a new epoch`,
    ({ nodes }) => nodes.some((n) => n.name === name && n.state === 'online' && n.epoch > epoch),
    60_000,
  )
  const rejoinedMs = performance.now()

  const runs = victims.map((victim) => victim.runs())
  for (const [index, ran] of runs.entries())
    assert.equal(ran.length, 2, `${victims[index]?.sid} was started once more, and no more`)
  const old = runs.map((ran) => ran[0] as Run)
  const fresh = runs.map((ran) => ran[1] as Run)
  const evidence = await Promise.all(victims.map(({ sid }) => operator.why(sid)))
  const [resetFromMs, resetToMs] = trouble.resetBounds(timing)
  const [proofFromMs, proofToMs] = proofBounds(timing)
  const proofs = evidence.map((why) => Date.parse(why.evidence.at(-1)?.decidedAt ?? ''))
  const measured: Measured = {
    scenario: trouble.name,
    services: victims.length,
    resetMs: firedMs - startMs,
    lives,
    lastWordMs: Math.max(...old.map(({ lastMs }) => lastMs)) - startMs,
    proofMs: Math.max(...proofs) - (performance.timeOrigin + startMs),
    restartMs: Math.max(...fresh.map((run) => run.startMs)) - startMs,
    where: [...new Set(again.map(({ node }) => (node === name ? 'same' : 'other')))].join(' '),
    bootMs: booted.atMs - startMs,
    bootstatus: booted.bootstatus,
    rejoinMs: rejoinedMs - (trouble.heal ? healedMs : startMs),
    evidence: [...new Set(evidence.map((why) => why.evidence.at(-1)?.kind ?? 'none'))].join(' '),
    expectedReset: `${seconds(resetFromMs)}–${seconds(resetToMs)}`,
    expectedProof: `${seconds(proofFromMs)}–${seconds(proofToMs)}`,
  }
  assert.equal(booted.bootstatus, 32, 'the machine says that its watchdog reset it')
  assert.ok(
    Math.min(...fresh.map((run) => run.startMs)) > firedMs,
    'nothing of it is started again before its machine was reset',
  )
  const { resetMs, proofMs } = measured
  assert.ok(
    resetMs >= resetFromMs - slackMs && resetMs <= resetToMs + slackMs,
    `reset after ${seconds(resetMs)} s, expected ${measured.expectedReset}`,
  )
  assert.ok(
    proofMs >= proofFromMs - slackMs && proofMs <= proofToMs + slackMs,
    `proof after ${seconds(proofMs)} s, expected ${measured.expectedProof}`,
  )
  assert.ok(proofMs < measured.restartMs, 'nothing is started before the proof')
  assert.deepEqual(await lab.faults(), [])
  return measured
}

export const seconds = (ms: number) => (ms / 1000).toFixed(1)
