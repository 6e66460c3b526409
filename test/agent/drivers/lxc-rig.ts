// Containers of LXC for the tests: a host of their own, and what to ask of it without the driver.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DriverEvents } from '../../../agent/drivers/driver.ts'
import { hostDrivers } from '../../../agent/drivers/host-drivers.ts'
import { createLxcDriver } from '../../../agent/drivers/lxc/lxc-driver.ts'
import { runCommand } from '../../../agent/drivers/run-command.ts'
import { systemClock } from '../../../shared/clock.ts'
import { pidsWith } from './living-with.ts'
import { endLeftContainers, makeOwnedFolder } from './lxc-left.ts'
import type { DriverRig } from './rig.ts'
import { busybox, makeRootfs } from './rootfs.ts'

/** What this machine lacks for containers; null: nothing. */
export const whyNoLxc =
  hostDrivers.find(({ type }) => type === 'ct')!.whyNot() ??
  (busybox === null ? 'there is no static busybox for a root file system' : null)

export type LxcRig = DriverRig & {
  home: string
  name: string
  /** Where the container is for the tools of LXC. */
  path: string
  /** A specification whose first process is this program, with more lines. */
  specOf(program: string, more?: string[]): unknown
}

/** @param isThere on the node beforehand, and set to start with it */
export function createLxcRig(isThere: boolean): LxcRig {
  endLeftContainers()
  const home = makeOwnedFolder()
  const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
  // Of nobody else who tests on this machine: its cgroups bear its name.
  const name = `hf-${owner.nodeUid.slice(0, 8)}`
  const rootfs = makeRootfs(join(home, 'rootfs'))
  const lxcPath = join(home, 'lxc')
  const lines = (script: string, more: string[] = []) => [
    ...[`lxc.uts.name = ${name}`, `lxc.rootfs.path = dir:${rootfs}`, 'lxc.net.0.type = empty'],
    ...[`lxc.init.cmd = ${script}`, 'lxc.signal.halt = SIGTERM', ...more],
  ]
  const there = (which: string, script: string, more: string[]) => {
    mkdirSync(join(lxcPath, which), { recursive: true })
    const text = lines(script, [`lxc.start.auto = ${which === name ? 1 : 0}`, ...more]).join('\n')
    writeFileSync(join(lxcPath, which, 'config'), `${text}\n`)
    return { container: which }
  }
  const specOf = (which: string, script: string, more: string[] = []) =>
    isThere ? there(which, script, more) : { config: lines(script, more) }
  const create = (nodeUid: string, folder: string) => (events: DriverEvents) =>
    createLxcDriver({
      ...{ home: join(home, folder), runDirectory: join(home, 'run', folder), lxcPath },
      ...{ owner: { ...owner, nodeUid }, bootId: 'boot-1', clock: systemClock(), events },
    })
  const path = isThere ? lxcPath : join(home, 'run/n1/lxc')
  return {
    ...{ home, name, path },
    specOf: (program, more) => specOf(name, program, more),
    sid: `ct:${name}`,
    specs: {
      runs: specOf(name, '/bin/willing'),
      fails: specOf(`${name}-fails`, '/bin/nothing'),
      invalid: { config: ['lxc.start.auto = 1'] },
      deaf: specOf(`${name}-deaf`, '/bin/deaf'),
    },
    createDriver: create(owner.nodeUid, 'n1'),
    createForeign: create(randomUUID(), 'n2'),
    crash: async () => {
      const pid = execFileSync('lxc-info', ['-P', path, '-n', name, '-pH'], { encoding: 'utf8' })
      process.kill(Number(pid), 'SIGKILL')
      // Its monitor clears up.
      await runCommand('lxc-wait', ['-P', path, '-n', name, '-s', 'STOPPED', '-t', '5'], {
        timeoutMs: 6_000,
      })
    },
    // Whoever started it: LXC puts it, and its monitor, into cgroups of its name.
    isAlive: () => Promise.resolve(pidsWith(name, 'cgroup').length > 0),
    startByOthers: async () => {
      await runCommand('lxc-start', ['-P', path, '-n', name, '-d'], { timeoutMs: 10_000 })
      await runCommand('lxc-autostart', ['-P', path], { timeoutMs: 10_000 })
    },
    noticesWithinMs: 1_000,
    patienceMs: 5_000,
    end: () => Promise.resolve(rmSync(home, { recursive: true, force: true })),
  }
}
