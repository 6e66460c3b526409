// A service that crashes is restarted where it is, then tried elsewhere, then left alone, as often as its owner said.
import { rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Refused } from './operator.ts'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

const site = testSite({ nodes: 3 })

describe('a service that crashes', () => {
  test('is started again on its node, under the same grant', async () => {
    const sid = await site.addService('crash', { maxRestart: 1 })
    const { node, generation } = await site.running(sid)
    const [run] = site.witness(sid).runs
    process.kill(run?.pid as number, 'SIGKILL')
    await waitFor(() => site.witness(sid).runs.length === 2, { what: 'the restart' })
    const [, second] = site.witness(sid).runs
    expect(second).toMatchObject({ generation, boot: run?.boot })
    expect(await site.operator.service(sid)).toMatchObject({ node, generation })
    expect((await site.operator.service(sid)).failedNodes).toEqual([])
  })
})

describe('a service that cannot start', () => {
  const sid = 'process:sick'
  const failFile = () => `${site.witnessFile(sid)}.fail`

  test('is tried max_restart times more on each node and on max_relocate more nodes, then is in error', async () => {
    await site.addService('sick', { requested: 'disabled', maxRestart: 1, maxRelocate: 1 })
    writeFileSync(failFile(), '')
    await site.operator.operate(sid, 'enable')
    const service = await site.operator.until(
      'the error state',
      ({ services }) => services.find((s) => s.sid === sid && s.state === 'error'),
      20_000,
    )
    const { runs } = site.witness(sid)
    const nodes = [...new Set(runs.map((run) => run.nodeUid))]
    expect(nodes).toHaveLength(2)
    expect(new Set(service.failedNodes).size).toBe(2)
    // Two starts on each of two nodes, and nothing after.
    expect(runs.map((run) => nodes.indexOf(run.nodeUid))).toEqual([0, 0, 1, 1])
  })

  test('in error it can only be disabled; repaired and enabled it runs again', async () => {
    await expect(site.operator.operate(sid, 'enable')).rejects.toThrow(Refused)
    const target = Object.keys(site.nodes)[0]
    await expect(site.operator.operate(sid, 'relocate', { node: target })).rejects.toThrow(Refused)
    expect(site.witness(sid).runs).toHaveLength(4)
    expect(await site.operator.operate(sid, 'disable')).toMatchObject({ status: 'done' })
    await site.operator.until('disabled', ({ services }) =>
      services.find((s) => s.sid === sid && s.state === 'disabled'),
    )
    rmSync(failFile())
    expect(await site.operator.operate(sid, 'enable')).toMatchObject({ status: 'done' })
    await site.running(sid)
    await site.operator.until('the count to be cleared by a lasting start (D2)', ({ services }) =>
      services.find((s) => s.sid === sid && s.failedNodes.length === 0),
    )
    expect(site.witness(sid).runs).toHaveLength(5)
  })
})
