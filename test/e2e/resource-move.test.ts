// A resource of an OCF agent as a service of a whole site of two nodes: it moves while it runs, and what it counts goes on
// without a break; whoever is lost or fails in the middle, there is never a second copy, and it runs again.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { hostDrivers } from '../../agent/drivers/host-drivers.ts'
import { usualOcfRoot } from '../../agent/drivers/ocf/ocf-driver.ts'
import { callsIn, installCountedAgents, runsIn } from './counted-agent.ts'
import { testSite } from './site.ts'

const whyNot = hostDrivers.find(({ type }) => type === 'ocf')!.whyNot()
if (whyNot !== null) process.stderr.write(`skipped: live moves of a resource: ${whyNot}\n`)

const title = whyNot === null ? 'a resource' : `a resource (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 90_000 }, () => {
  const provider = `holdfast-test-${process.pid}`
  const folder = join(usualOcfRoot, 'resource.d', provider)
  const home = mkdtempSync(join(tmpdir(), 'holdfast-resource-'))
  const site = testSite({
    nodes: 2,
    // Drivers of resources ask the host on their own: what an agent process needs beside them is a folder a reboot empties.
    agentOf(name) {
      const file = join(home, `${name}.mjs`)
      const main = fileURLToPath(new URL('../../agent/main.mjs', import.meta.url))
      const own = ['--drivers', 'ocf', '--run', join(home, name)]
      writeFileSync(
        file,
        `const [main, own] = ${JSON.stringify([main, own])}
const words = [process.execPath, ...process.execArgv, main, ...process.argv.slice(2), ...own]
process.execve(process.execPath, words, process.env)\n`,
      )
      return Promise.resolve(file)
    },
  })
  let number = 0
  let sid: string
  /** Of the resource of this test. */
  let dir: string

  beforeAll(() => installCountedAgents(folder))
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
    rmSync(home, { recursive: true, force: true })
  })
  beforeEach(() => {
    number += 1
    sid = `ocf:r${number}`
    dir = join(home, `r${number}`)
    mkdirSync(dir)
  })

  const on = (node: string, action: string, shell: string) =>
    writeFileSync(join(dir, `${node}.${action}`), `${shell}\n`)
  const runningOn = (isAt: (node: string | null) => boolean) =>
    site.operator.until(
      `${sid} to run`,
      ({ services }) => services.find((one) => one.sid === sid && one.running && isAt(one.node)),
      40_000,
    )
  const last = () => runsIn(dir).at(-1)!
  const countsOn = async () => {
    const before = last().last
    await expect.poll(() => last().last, { timeout: 10_000 }).toBeGreaterThan(before)
  }

  /** It runs, and has counted; where, and where it could go. */
  async function begin(agent = 'Counted') {
    const spec = { agent: `ocf:${provider}:${agent}`, parameters: { dir }, live: true }
    await site.operator.post('/services', { sid, spec })
    const { node } = await runningOn(() => true)
    await expect.poll(() => runsIn(dir).length, { timeout: 10_000 }).toBe(1)
    await countsOn()
    return { source: node!, target: node === 'n1' ? 'n2' : 'n1' }
  }
  /** Ends it, and says where it counted: runs that follow each other, never two in turns. */
  async function end() {
    expect(await site.operator.operate(sid, 'stop')).toMatchObject({ status: 'done' })
    const runs = runsIn(dir)
    for (const [at, run] of runs.entries())
      expect(run.first === 1 || run.first === (runs[at - 1]?.last ?? 0) + 1).toBe(true)
    return runs.map(({ node, first }) => `${node} ${first === 1 ? 'anew' : 'on'}`)
  }
  const moveTo = (node: string) => site.operator.operate(sid, 'migrate', { node })

  test('moves while it runs, there and back: it is started once, and never stopped where it runs', async () => {
    const { source, target } = await begin()
    const begunMs = performance.now()
    expect(await moveTo(target)).toMatchObject({ status: 'done' })
    const tookMs = Math.round(performance.now() - begunMs)
    process.stderr.write(`live move of a resource: ${tookMs} ms in all\n`)
    await countsOn()
    expect(await moveTo(source)).toMatchObject({ status: 'done' })
    await countsOn()
    expect(callsIn(dir)).toEqual([
      `${source} start`,
      ...[`${source} migrate_to`, `${target} migrate_from`, `${source} stop`],
      ...[`${target} migrate_to`, `${source} migrate_from`, `${target} stop`],
    ])
    expect(await end()).toEqual([`${source} anew`, `${target} on`, `${source} on`])
  })

  test('whose agent declares no way to move is stopped here and started there, by the same command', async () => {
    const { source, target } = await begin('Settled')
    expect(await moveTo(target)).toMatchObject({ status: 'done' })
    await countsOn()
    expect(callsIn(dir)).toEqual([`${source} start`, `${source} stop`, `${target} start`])
    expect(await end()).toEqual([`${source} anew`, `${target} anew`])
  })

  test('whose migrate_to fails stays where it is, and the command says why', async () => {
    const { source, target } = await begin()
    on(source, 'migrate_to', 'echo "ocf-exit-reason:no line" >&2; exit 1')
    const { status, reason } = await moveTo(target)
    expect({ status, reason }).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('no line'),
    })
    await countsOn()
    expect(await end()).toEqual([`${source} anew`])
  })

  test('whose migrate_from fails after it was sent is started anew, once nothing of it is left', async () => {
    const { source, target } = await begin()
    on(target, 'migrate_from', 'exit 1')
    expect(await moveTo(target)).toMatchObject({ status: 'failed' })
    const { node } = await runningOn(() => true)
    await expect.poll(() => runsIn(dir).length, { timeout: 20_000 }).toBe(2)
    expect(await end()).toEqual([`${source} anew`, `${node} anew`])
  })

  test('goes on to its target when the agent of the source is killed after it was sent', async () => {
    const { source, target } = await begin()
    on(target, 'migrate_from', `touch ${dir}/taking; while [ ! -f ${dir}/go ]; do sleep 0.05; done`)
    const moving = moveTo(target)
    await expect.poll(() => existsSync(join(dir, 'taking')), { timeout: 20_000 }).toBe(true)
    await site.node(source).flip('kill-agent')
    writeFileSync(join(dir, 'go'), '')
    await moving
    await runningOn((at) => at === target)
    await countsOn()
    expect(callsIn(dir).filter((call) => call.endsWith('start'))).toHaveLength(1)
    expect(await end()).toEqual([`${source} anew`, `${target} on`])
  })

  test('is started anew when the agent of the target is killed while it takes it up', async () => {
    const { source, target } = await begin()
    on(target, 'migrate_from.after', `[ -f ${dir}/taking ] || { touch ${dir}/taking; sleep 60; }`)
    const moving = moveTo(target)
    await expect.poll(() => existsSync(join(dir, 'taking')), { timeout: 20_000 }).toBe(true)
    await site.node(target).flip('kill-agent')
    await moving
    await expect.poll(() => runsIn(dir).length, { timeout: 30_000 }).toBe(3)
    const { node } = await runningOn(() => true)
    await countsOn()
    expect(await end()).toEqual([`${source} anew`, `${target} on`, `${node} anew`])
  })

  test('is started on its target when the source loses its power after it was sent', async () => {
    const { source, target } = await begin()
    on(target, 'migrate_from', `touch ${dir}/taking; sleep 1`)
    const moving = moveTo(target)
    await expect.poll(() => existsSync(join(dir, 'taking')), { timeout: 20_000 }).toBe(true)
    await site.node(source).flip('power-off')
    await moving
    await runningOn((at) => at === target)
    await countsOn()
    await site.node(source).flip('power-on')
    await site.operator.until(
      'both to be online',
      ({ nodes }) => nodes.every(({ state }) => state === 'online'),
      40_000,
    )
    const [first, ...others] = await end()
    expect(first).toBe(`${source} anew`)
    expect(others[0]).toBe(`${target} on`)
    expect(others.every((run) => run.startsWith(target))).toBe(true)
  })
})
