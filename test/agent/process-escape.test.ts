// Helpers that hide, hosts without cgroups, looks that fail: what a driver or a supervisor says is gone, is gone.
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Driver } from '../../agent/drivers/driver.ts'
import { createCgroups } from '../../agent/drivers/process/cgroup.ts'
import { rotateLogs } from '../../agent/drivers/process/log-file.ts'
import { findGroups } from '../../agent/drivers/process/members.ts'
import { createProcessDriver } from '../../agent/drivers/process/process-driver.ts'
import { findTree, killTree } from '../../agent/virtual-node/tree.ts'
import { systemClock } from '../../shared/clock.ts'

// Its own, for marks and cgroups are seen by whoever else runs these tests on this machine.
const [clusterUuid, nodeUid] = [randomUUID(), randomUUID()]

// Hosts without a usable cgroup exist (no delegation): the driver then goes by marks, sessions and descent alone.
const host = vi.hoisted(() => ({ cgroups: true }))
vi.mock('../../agent/drivers/process/cgroup.ts', async (original) => {
  const real = await original<typeof import('../../agent/drivers/process/cgroup.ts')>()
  const nothing = {
    make: () => null,
    prepare() {},
    list: () => [],
    members: () => [],
    kill() {},
    remove() {},
  }
  return { createCgroups: (uid: string) => (host.cgroups ? real.createCgroups(uid) : nothing) }
})

let home: string
let driver: Driver
const sid = 'process:web'
const exits: string[] = []

function create(bootId = 'boot-1-xxxx'): Driver {
  const events = { exited: (one: string) => void exits.push(one) }
  return createProcessDriver({
    ...{
      home,
      owner: { clusterUuid, nodeUid },
      node: 'n1',
      bootId,
      clock: systemClock(),
      events,
    },
  })
}

const start = (spec: unknown, generation = 7) =>
  driver.start({ sid, generation, spec, mayStart: () => true })

const alive = (pid: number) => {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
async function pidFrom(name: string): Promise<number> {
  const path = join(home, name)
  for (let i = 0; i < 200 && !(existsSync(path) && statSync(path).size > 0); i++) await pause(20)
  const pid = Number(readFileSync(path, 'utf8'))
  started.push(pid)
  return pid
}
const started: number[] = []

/** What a test that found something leaves behind. */
function removeCgroups(): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  const mount = mounts.find((line) => line.includes(' - cgroup2 '))?.split(' ')[4]
  const own = readFileSync('/proc/self/cgroup', 'latin1').match(/^0::(.*)$/m)?.[1]
  if (!mount || !own) return
  const folder = join(mount, own, `holdfast-${nodeUid}`)
  spawnSync('find', [folder, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'])
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-test-'))
  host.cgroups = true
})
afterEach(async () => {
  await driver?.stop(sid, 0).catch(() => {})
  for (const pid of started.splice(0))
    try {
      if (pid > 1) process.kill(pid, 'SIGKILL')
    } catch {}
  driver?.detach()
  await pause(50)
  removeCgroups()
  rmSync(home, { recursive: true, force: true })
})

describe('a stop without cgroups', () => {
  beforeEach(() => {
    host.cgroups = false
    driver = create()
  })

  test('does not say `ok` while a helper it saw itself, deaf to SIGTERM, lives on', async () => {
    // A child of the service, so the first look finds it; then its parent dies, and nothing leads to it any more.
    const helper = `trap "" TERM; echo $$ >${home}/helper; while :; do sleep 0.2; done`
    await start({ command: ['/bin/sh', '-c', `setsid env -i /bin/sh -c '${helper}' & sleep 1000`] })
    const pid = await pidFrom('helper')
    const result = await driver.stop(sid, 2_000)
    expect({ outcome: result.outcome, helperLives: alive(pid) }).toEqual({
      outcome: 'ok',
      helperLives: false,
    })
  })
})

describe('with cgroups', () => {
  beforeEach(() => {
    driver = create()
  })

  test('a helper in a session of its own is found by its cgroup, and killed', async () => {
    const helper = `trap "" TERM; echo $$ >${home}/helper; while :; do sleep 0.2; done`
    await start({ command: ['/bin/sh', '-c', `setsid env -i /bin/sh -c '${helper}' & sleep 1000`] })
    const pid = await pidFrom('helper')
    const result = await driver.stop(sid, 1_000)
    expect({ outcome: result.outcome, helperLives: alive(pid) }).toEqual({
      outcome: 'ok',
      helperLives: false,
    })
  })

  test('a cgroup below the service’s own counts too', async () => {
    const helper = `trap "" TERM; d=$(sed -n "s/^0:://p" /proc/self/cgroup); m=$(grep " - cgroup2 " /proc/self/mountinfo | head -1 | cut -d" " -f5); mkdir -p $m$d/sub && echo $$ >$m$d/sub/cgroup.procs; echo $$ >${home}/helper; while :; do sleep 0.2; done`
    await start({
      command: ['/bin/sh', '-c', `setsid env -i PATH=$PATH /bin/sh -c '${helper}' & sleep 1000`],
    })
    const pid = await pidFrom('helper')
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain('/sub')
    const result = await driver.stop(sid, 1_000)
    expect({ outcome: result.outcome, helperLives: alive(pid) }).toEqual({
      outcome: 'ok',
      helperLives: false,
    })
  })

  test('a member of the cgroup that no other list shows is not nothing', async () => {
    const path = createCgroups(nodeUid).make(sid, 7)
    const child = spawn('/bin/sh', ['-c', `echo $$ >${path}/cgroup.procs; exec sleep 20`])
    started.push(child.pid ?? 0)
    await vi.waitFor(() =>
      expect(readFileSync(`${path}/cgroup.procs`, 'utf8')).toContain(child.pid),
    )
    // No mark, no run file, no parent of ours: the cgroup alone.
    expect(await driver.survey()).toEqual([{ sid, generation: 7, state: 'unknown' }])
    const groups = findGroups({
      owner: { clusterUuid, nodeUid },
      cgroups: { ...createCgroups(nodeUid), members: () => [4_194_305] },
      runFiles: { path: () => '', list: () => [], remove() {} },
      known: new Map(),
    })
    expect(groups[0]?.members.map(({ pid }) => pid)).toEqual([4_194_305])
  })

  test('is found by an agent that was started from another cgroup', async () => {
    const path = createCgroups(nodeUid).make(sid, 7) ?? ''
    const elsewhere = join(path, '..', '..', 'holdfast-test-elsewhere')
    const there = join(elsewhere, `holdfast-${nodeUid}`, `${sid}.8`)
    mkdirSync(there, { recursive: true })
    const child = spawn('/bin/sh', ['-c', `echo $$ >${there}/cgroup.procs; exec sleep 20`])
    started.push(child.pid ?? 0)
    try {
      await vi.waitFor(() =>
        expect(readFileSync(`${there}/cgroup.procs`, 'utf8')).toContain(child.pid),
      )
      driver.detach()
      driver = create()
      expect(await driver.survey()).toEqual([{ sid, generation: 8, state: 'unknown' }])
      expect((await driver.stop(sid, 0)).outcome).toBe('ok')
      await vi.waitFor(() => expect(alive(child.pid ?? 0)).toBe(false))
    } finally {
      spawnSync('find', [elsewhere, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'])
    }
  })

  test('one cgroup that cannot be made does not hide the members of the others', () => {
    const cgroups = createCgroups(nodeUid)
    const made = cgroups.make(sid, 7)
    expect(made).not.toBeNull()
    const child = spawn('/bin/sh', ['-c', `echo $$ >${made}/cgroup.procs; exec sleep 20`])
    started.push(child.pid ?? 0)
    return pause(200).then(() => {
      expect(cgroups.members(sid, 7)).toEqual([child.pid])
      // Any failure will do (a limit on descendants, no memory): the kernel refuses this name.
      expect(cgroups.make('process:a\nb', 1)).toBeNull()
      expect(cgroups.members(sid, 7)).toEqual([child.pid])
    })
  })
})

test('a stop that failed once, because the host could not be looked at, can be asked for again', async () => {
  driver = create()
  await start({ command: ['sleep', '1000'] })
  renameSync(join(home, 'run'), join(home, 'away'))
  await expect(driver.stop(sid, 0)).rejects.toThrow(/ENOENT/)
  renameSync(join(home, 'away'), join(home, 'run'))
  const result = await driver.stop(sid, 0).catch((error: Error) => ({ outcome: error.message }))
  expect(result.outcome).toBe('ok')
})

test('one log that cannot be rotated does not keep the others from being bounded', async () => {
  const logs = join(home, 'logs')
  for (const n of [1, 2, 3]) mkdirSync(join(logs, `a.log.${n}`, 'in-the-way'), { recursive: true })
  for (const name of ['a.log', 'b.log']) writeFileSync(join(logs, name), 'x'.repeat(2_000))
  await rotateLogs(logs, { bytes: 1_000, keep: 3 }).catch(() => {})
  expect(statSync(join(logs, 'b.log')).size).toBe(0)
})

describe('the supervisor’s kill, where there is no cgroup', () => {
  const boot = randomUUID()
  beforeEach(() => {
    host.cgroups = false
    process.env.HOLDFAST_NODE_BOOT = boot
    driver = create(boot)
  })
  afterEach(() => {
    delete process.env.HOLDFAST_NODE_BOOT
  })
  /** As after a restart of the agent: the service is nobody's child here. */
  const tree = () => ({
    bootId: boot,
    cgroup: null,
    agentPid: () => null,
    runFiles: join(home, 'run'),
  })

  test('reaches a service of an agent that is gone', async () => {
    await start({ command: ['/bin/sh', '-c', `echo $$ >${home}/main; sleep 1000`] })
    const pid = await pidFrom('main')
    expect(findTree(tree()).map((one) => one.pid)).toContain(pid)
    await killTree(tree())
    expect(alive(pid)).toBe(false)
  })

  test('reaches a service whose specification sets HOLDFAST_NODE_BOOT', async () => {
    await start({
      command: ['/bin/sh', '-c', `echo $$ >${home}/main; sleep 1000`],
      environment: { HOLDFAST_NODE_BOOT: 'mine' },
    })
    const pid = await pidFrom('main')
    await killTree(tree())
    expect(alive(pid)).toBe(false)
  })

  test('reaches a service that cleans its environment (env -i)', async () => {
    await start({
      command: [
        '/usr/bin/env',
        '-i',
        '/bin/sh',
        '-c',
        `echo $$ >${home}/main; while :; do /bin/sleep 1; done`,
      ],
    })
    const pid = await pidFrom('main')
    await killTree(tree())
    expect(alive(pid)).toBe(false)
  })
})
