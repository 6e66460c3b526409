// Containers of Podman for the tests: a store of their own, and what to ask of the host without the driver.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverEvents } from '../../../agent/drivers/driver.ts'
import { hostDrivers } from '../../../agent/drivers/host-drivers.ts'
import { createPodmanDriver } from '../../../agent/drivers/podman/podman-driver.ts'
import { runCommand } from '../../../agent/drivers/run-command.ts'
import { systemClock } from '../../../shared/clock.ts'
import { pidsWith } from './living-with.ts'
import type { DriverRig } from './rig.ts'
import { busybox, makeRootfs } from './rootfs.ts'

/** What this machine lacks for containers; null: nothing. */
export const whyNoPodman =
  hostDrivers.find(({ type }) => type === 'podman')!.whyNot() ??
  (busybox === null ? 'there is no static busybox for a root file system' : null)

export type PodmanRig = DriverRig & {
  rootfs: string
  /** Runs Podman on the store of this rig. */
  podman(...words: string[]): string
  /** The marked environment, which every process of the service carries. */
  environment: Record<string, string>
}

export function createPodmanRig(): PodmanRig {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-podman-'))
  const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
  const name = `hf-${owner.nodeUid.slice(0, 8)}`
  const rootfs = makeRootfs(join(home, 'rootfs'))
  // A machine whose root may not raise limits, without systemd, with cgroups of both versions, still runs containers.
  const configuration = join(home, 'containers.conf')
  writeFileSync(
    configuration,
    `[containers]
default_ulimits = ["nofile=20000:20000","nproc=10000:10000"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
hooks_dir = ["${join(home, 'hooks', 'n1')}"]
`,
  )
  process.env['CONTAINERS_CONF'] = configuration
  const store = ['--root', join(home, 'root'), '--runroot', join(home, 'runroot')]
  const globals = [...store, '--tmpdir', join(home, 'tmp'), '--storage-driver', 'vfs']
  mkdirSync(join(home, 'tmp'))
  const hooksOf = (folder: string) => join(home, 'hooks', folder)
  const environment = { HOLDFAST_TEST: owner.nodeUid }
  const specOf = (program: string) => ({
    ...{ rootfs, command: [program], network: 'none', environment },
  })
  const create = (nodeUid: string, folder: string) => (events: DriverEvents) =>
    createPodmanDriver({
      ...{ home: join(home, folder), runDirectory: join(home, 'run', folder) },
      ...{ owner: { ...owner, nodeUid }, bootId: 'boot-1', clock: systemClock(), events, globals },
      ...{ hooks: hooksOf(folder), log: () => {} },
    })
  const mark = `HOLDFAST_TEST=${owner.nodeUid}`
  const podman = (...words: string[]) =>
    execFileSync('podman', [...globals, ...words], { encoding: 'utf8', stdio: 'pipe' })
  return {
    ...{ rootfs, environment, podman },
    sid: `podman:${name}`,
    specs: {
      runs: specOf('/bin/willing'),
      fails: specOf('/bin/nothing'),
      invalid: { rootfs, image: 'both', command: ['/bin/true'] },
      deaf: specOf('/bin/deaf'),
    },
    createDriver: create(owner.nodeUid, 'n1'),
    createForeign: create(randomUUID(), 'n2'),
    crash: () => {
      // Its first process takes the others along.
      process.kill(Math.min(...pidsWith(mark)), 'SIGKILL')
      return Promise.resolve()
    },
    isAlive: () => Promise.resolve(pidsWith(mark).length > 0),
    startByOthers: async () => {
      await runCommand('podman', [...globals, 'start', `holdfast-${name}`], {
        ...{ timeoutMs: 60_000, environment: { CONTAINERS_CONF: configuration, HOME: '/root' } },
      })
    },
    noticesWithinMs: 1_000,
    patienceMs: 10_000,
    end: () => Promise.resolve(rmSync(home, { recursive: true, force: true })),
  }
}
