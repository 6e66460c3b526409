// Is a node still protected after the planned restart of its agent, as in every upgrade?
import { test } from 'vitest'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

const site = testSite({ nodes: 2, timing: { watchdogMs: 4_000, leaseMs: 18_000 } })

test('after a planned restart of its agent a node is protected as before', async () => {
  const sid = await site.addService('a')
  const { node } = await site.running(sid)
  const name = node as string
  const protects = async () => (await site.operator.node(name)).watchdog.protects
  await waitFor(protects, { what: 'control: protected before' })
  const { agentStarts } = await site.node(name).machine()
  await site.node(name).flip('restart-agent')
  await waitFor(async () => (await site.node(name).machine()).agentStarts > agentStarts, {
    what: 'the agent again',
  })
  await site.operator.until('the agent to be back', ({ nodes, services }) => {
    const one = nodes.find((n) => n.name === name)
    return (
      one?.state === 'online' &&
      one.mode === 'active' &&
      one.watchdog.armed &&
      services.every((s) => s.running && s.state === 'started')
    )
  })
  await waitFor(protects, { what: 'the node to be protected again' })
})
