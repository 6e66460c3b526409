// The whole control plane is away. Within the lease nobody notices; past it every node stops its services by itself, and
// when the plane is back they start again, once.
import { expect, test } from 'vitest'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

// Survived for certain: L − 3W − renew − request timeout = 3.75 s.
const site = testSite({ nodes: 2, timing: { leaseMs: 9_000 } })
const sids = ['process:a', 'process:b']

test('an outage of the plane within the lease stops nothing', async () => {
  for (const name of ['a', 'b']) await site.addService(name)
  for (const sid of sids) await site.running(sid)
  const before = await site.operator.status()
  // Stopped rather than killed: starting a replica may take longer than the outage may on a busy machine.
  site.replicas[0]?.signal('SIGSTOP')
  const outageMs = 2_000
  const sinceMs = performance.now()
  await waitFor(() => performance.now() - sinceMs > outageMs, { what: 'the outage to pass' })
  site.replicas[0]?.signal('SIGCONT')
  const after = await site.operator.until(
    'every node to renew again',
    (status) =>
      status.nodes.every(
        (n) => n.state === 'online' && (n.leaseRemainingMs ?? 0) > site.timing.leaseMs - 500,
      ) && status,
  )
  expect(after.nodes.map((n) => n.epoch)).toEqual(before.nodes.map((n) => n.epoch))
  for (const sid of sids) expect(site.witness(sid).runs).toHaveLength(1)
})

test('an outage past the lease stops every service gently; afterwards each starts again, once', async () => {
  await site.replicas[0]?.end('SIGKILL', 1_000)
  await waitFor(() => sids.every((sid) => site.witness(sid).runs.at(-1)?.stopped), {
    what: 'the nodes to stop their services by themselves',
    timeoutMs: site.timing.leaseMs,
  })
  for (const name of Object.keys(site.nodes))
    await waitFor(async () => !(await site.node(name).machine()).watchdog.armed, {
      what: `${name} to close its watchdog`,
    })
  await site.startReplica(0)
  for (const sid of sids) {
    await site.running(sid)
    expect(site.witness(sid).runs).toHaveLength(2)
  }
  for (const name of Object.keys(site.nodes))
    expect(await site.node(name).machine()).toMatchObject({ boots: 1, watchdogResets: 0 })
})
