// An idle node has no watchdog armed, so nothing resets it while it is paused. An order that was on its way to it then
// must come to nothing (S14).
import { expect, test } from 'vitest'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

// Silence is noticed late, so that the order is given to a node that is already paused.
const site = testSite({ nodes: 2, timing: { silentMs: 2_500 } })

test('an idle node paused past its lease with an order in its socket finds itself fenced and starts nothing (S14)', async () => {
  const sid = await site.addService('a')
  const { node: home } = await site.running(sid)
  const idle = Object.keys(site.nodes).find((name) => name !== home) as string
  const { watchdog } = await site.node(idle).machine()
  expect(watchdog.armed).toBe(false)
  const { epoch } = await site.operator.node(idle)
  await site.node(idle).flip('hang')
  await site.operator.post(`/services/${sid}/relocate`, { node: idle })
  await site.operator.until('the order for the paused node', ({ services }) =>
    services.find((s) => s.sid === sid && s.node === idle && s.generation !== null),
  )
  const ordered = await site.operator.service(sid)
  await site.running(sid, (node) => node === home)
  const { evidence } = await site.operator.why(sid)
  const last = evidence.at(-1)
  expect(last).toMatchObject({ kind: 'never-confirmed', node: idle })
  expect(last?.generation).toBe(ordered.generation)

  const { boots } = await site.node(idle).machine()
  await site.node(idle).flip('resume')
  await site.operator.until(`${idle} to join a new epoch`, ({ nodes }) =>
    nodes.find((n) => n.name === idle && n.state === 'online' && n.epoch > epoch),
  )
  expect(await site.node(idle).machine()).toMatchObject({ boots, watchdog: { armed: false } })
  expect(site.witness(sid).runs.map((run) => run.nodeUid)).not.toContain(
    site.node(idle).identity.nodeUid,
  )
  expect(site.witness(sid).runs).toHaveLength(2)
  // And it is of use again.
  await site.operator.operate(sid, 'relocate', { node: idle })
  await site.running(sid, (node) => node === idle)
  await waitFor(() => site.lastRanOn(sid) === idle, { what: 'the service to run there' })
})
