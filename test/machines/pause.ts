// The documented limit (rule 13): a machine frozen together with its watchdog, past its deadline, and continued. Its own clocks stood
// still, so its lease looks good to it, until it looks at the clock that its hypervisor kept running. There are two copies
// until then: how long is measured, and bounded.
import assert from 'node:assert/strict'
import { fenceAfterMs } from '../../shared/timing.ts'
import { waitFor } from '../e2e/wait.ts'
import type { Run } from '../witness/check.ts'
import type { Lab } from './lab.ts'

export type Paused = {
  node: string
  services: number
  /** From the pause until its last service runs on another machine. */
  restartMs: number
  pausedMs: number
  /** From going on until the last word of an old copy: for so long there were two. */
  twoCopiesMs: number
  /** From going on until the plane had heard of it again, in a new epoch. */
  rejoinMs: number
  /** The watchdog fired after all. */
  wasReset: boolean
}

const silenceMs = 2_000
/** About a second is what an operator is told who trusts such a watchdog; an emulated machine takes its time to kill. */
const longestMs = 2_000

/** Comes last: from here on the witness has seen two copies. */
export async function pauseAndContinue(lab: Lab): Promise<Paused> {
  const { timing } = lab.options
  const patienceMs = fenceAfterMs(timing) + 60_000
  const { node: name, victims } = await lab.victim(patienceMs)
  const machine = lab.machine(name)
  const { epoch } = await lab.operator.node(name)

  const startMs = performance.now()
  await machine.qmp.execute('stop')
  await Promise.all(victims.map((one) => lab.running(one.sid, one.generation, patienceMs)))
  const restarts = victims.map((victim) => victim.runs().at(-1)?.startMs ?? 0)
  const goesOnMs = performance.now()
  await machine.qmp.execute('cont')
  await lab.operator.until(
    `${name} to be online in a new epoch`,
    ({ nodes }) => nodes.some((n) => n.name === name && n.state === 'online' && n.epoch > epoch),
    patienceMs,
  )
  const rejoinedMs = performance.now()
  const old = () => victims.map((victim) => victim.runs()[0] as Run)
  const areSilent = () =>
    old().every((run) => run.stopped || performance.now() - run.lastMs > silenceMs)
  await waitFor(areSilent, { what: 'the old copies to be gone', timeoutMs: patienceMs })
  for (const { sid, runs } of victims) {
    const [first, second] = runs()
    // What every other trouble is judged by does see two copies where there are two.
    const isSeen = lab.witness
      .of(sid)
      .overlaps.some((one) => one.second.startMs === second?.startMs)
    assert.equal(isSeen, (first?.endMs ?? 0) > (second?.startMs ?? 0))
    assert.equal(runs().length, 2, `${sid} was started once more, and no more`)
    const silentMs = performance.now() - (runs().at(-1)?.lastMs ?? 0)
    assert.ok(silentMs < silenceMs, `${sid} runs on`)
  }
  const twoCopiesMs = Math.max(0, ...old().map((run) => run.lastMs - goesOnMs))
  assert.ok(twoCopiesMs <= longestMs, `two copies for ${Math.round(twoCopiesMs)} ms`)
  return {
    node: name,
    services: victims.length,
    restartMs: Math.max(...restarts) - startMs,
    pausedMs: goesOnMs - startMs,
    twoCopiesMs,
    rejoinMs: rejoinedMs - goesOnMs,
    wasReset: machine.watchdogFired(startMs) !== undefined,
  }
}
