// A drill of a real device: the machine is emptied, left unfed, reset by its own watchdog, and says what it found. What it
// says of how long it lived is compared with what this host saw.
import assert from 'node:assert/strict'
import type { CommandBody } from '../../shared/operator-api.ts'
import { waitFor } from '../e2e/wait.ts'
import type { Lab } from './lab.ts'

export type Drilled = {
  node: string
  services: number
  /** From the command until QEMU says that the watchdog fired. */
  firedMs: number
  /** As the node found it. */
  livedAtLeastMs: number
  livedAtMostMs: number | null
  effectiveMs: number
  awayMs: number
  /** From the reset until it was online again, as this host saw it. */
  backMs: number
  reason: string
}

const patienceMs = 180_000

export async function drillOne(lab: Lab): Promise<Drilled> {
  const { operator, options } = lab
  const { watchdogMs } = options.timing
  const { node: name, victims } = await lab.victim(patienceMs)
  await operator.until('all to have told', ({ nodes }) => nodes.every((one) => one.stalls))
  const machine = lab.machine(name)
  const before = (await operator.why(name)).evidence
  const startMs = performance.now()
  const asked = (await operator.post(`/nodes/${name}/drill`)) as CommandBody
  const firedMs = await waitFor(() => machine.watchdogFired(startMs), {
    what: `the watchdog of ${name} to fire`,
    timeoutMs: patienceMs,
  })
  const booted = await waitFor(() => machine.bootAfter(firedMs), {
    what: `${name} to be up again`,
    timeoutMs: patienceMs,
  })
  const command = await waitFor(
    async () => {
      const one = (await operator.get(`/commands/${asked.uid}`)) as CommandBody
      return one.finishedAt !== null && one
    },
    { what: 'the drill to end', timeoutMs: patienceMs },
  )
  assert.equal(command.status, 'done', command.reason)
  const node = await operator.until(
    `${name} to be used again`,
    ({ nodes }) => nodes.find((one) => one.name === name && one.state === 'online'),
    patienceMs,
  )
  const { lastDrill } = node.watchdog
  assert.ok(lastDrill, 'the node tells of its drill')
  assert.equal(booted.bootstatus, 32)
  assert.deepEqual([lastDrill.outcome, lastDrill.bootStatus], ['fired', 32])
  assert.equal(node.lastEnd?.kind, 'watchdog-reset')
  assert.match(node.lastEnd?.why ?? '', /a drill was asked for/)
  assert.ok((lastDrill.livedAtLeastMs ?? 0) >= watchdogMs / 2, 'it beat for most of W')
  assert.ok((lastDrill.livedAtLeastMs ?? 0) <= watchdogMs * 1.1, 'a known device fires at W')
  // Moved before, and once: nothing was proved, since nothing was in doubt.
  for (const { sid, runs } of victims)
    assert.ok(runs().length >= 2 && runs()[0]?.stopped, `${sid} was stopped, and moved`)
  assert.deepEqual((await operator.why(name)).evidence, before)
  assert.deepEqual(await lab.faults(), [])
  return {
    ...{ node: name, services: victims.length, firedMs: firedMs - startMs },
    livedAtLeastMs: lastDrill.livedAtLeastMs ?? 0,
    livedAtMostMs: lastDrill.livedAtMostMs,
    effectiveMs: lastDrill.effectiveMs,
    awayMs: lastDrill.awayMs ?? 0,
    backMs: performance.now() - firedMs,
    reason: command.reason,
  }
}
