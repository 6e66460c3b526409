// The documented limit (rule 13): a machine that is frozen together with its watchdog cannot be told from a dead one.
// Its services overlap from the moment it goes on until it finds out. That is measured here, and must be short.
import { expect, test } from 'vitest'
import { isAlive } from './marked-process.ts'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

const site = testSite({ nodes: 2 })

test('a machine frozen with its watchdog and then continued finds itself fenced and stops within seconds', async () => {
  const sid = await site.addService('a', { unlocked: true })
  const { node } = await site.running(sid)
  const name = node as string
  const { epoch } = await site.operator.node(name)
  const frozen = site.node(name)
  const tree = await frozen.tree()
  expect(tree.length).toBeGreaterThan(1)
  frozen.signal('SIGSTOP')
  for (const pid of tree) process.kill(pid, 'SIGSTOP')
  await site.running(sid, (other) => other !== name)

  // The watchdog stays stopped: what ends the overlap is the agent's own look at its lease.
  const beganMs = performance.now()
  for (const pid of tree) process.kill(pid, 'SIGCONT')
  const copy = site.witness(sid).runs.find((run) => run.nodeUid === frozen.identity.nodeUid)
  await waitFor(() => !isAlive(copy?.pid as number), {
    what: 'the frozen copy to be stopped by its agent',
    timeoutMs: 5_000,
  })
  console.log(
    `frozen with its watchdog: after it went on, two copies for at most ${Math.round(performance.now() - beganMs)} ms`,
  )
  frozen.signal('SIGCONT')
  await site.operator.until(`${name} to join a new epoch`, ({ nodes }) =>
    nodes.find((n) => n.name === name && n.state === 'online' && n.epoch > epoch),
  )
  expect(site.witness(sid).runs).toHaveLength(2)
})
