// A machine with systemd as its first process, in a container (systemd-nspawn): boots in a second, and its power can be cut.
// Its disk is the cached image under a layer in memory, gone with the machine.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { waitFor } from '../e2e/wait.ts'
import { imagePath } from './image.ts'

/** SIGRTMIN+4, to systemd as the first process. */
const orderlyShutdown = 38

const execute = promisify(execFile)

export type Run = { code: number; stdout: string; stderr: string }

export type Machine = {
  /** Runs a program inside, as its root. */
  run(program: string, ...args: string[]): Promise<Run>
  /** How a program is run inside, for a caller that wants to keep the process. */
  command(program: string, ...args: string[]): [program: string, args: string[]]
  /** Path of one of its files as seen from here. */
  path(inside: string): string
  /** Shuts it down in order; resolves when it is down. */
  shutDown(): Promise<void>
  /** As if the power were cut. */
  cutPower(): Promise<void>
}

/**
 * @param binds folders of this machine that are there too, read-only, under the same path
 * @param network `host`: it shares this machine's
 */
export async function bootMachine(
  name: string,
  binds: string[] = [],
  network: 'own' | 'host' = 'own',
): Promise<Machine> {
  // Of its own in both hierarchies, or all machines share one.
  const cgroups = hierarchies().map((one) => join(one, name))
  for (const cgroup of cgroups) mkdirSync(cgroup, { recursive: true })
  const options = [
    ...['-b', '-D', imagePath(), '--volatile=overlay', '-M', name, '--register=no', '--keep-unit'],
    ...[
      ...(network === 'own' ? ['--private-network'] : []),
      '--kill-signal=SIGRTMIN+4',
      ...binds.map((path) => `--bind-ro=${path}`),
    ],
    'systemd.show_status=0',
  ]
  const join_ = 'for one in "$@"; do [ "$one" = -- ] && break; echo $$ >"$one/cgroup.procs"; done'
  const shift = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
  // It wants a terminal: without one it hangs.
  const nspawn = ['systemd-nspawn', ...options].map((word) => `'${word}'`).join(' ')
  const child = spawn(
    '/bin/sh',
    ['-c', `${join_}; ${shift}`, 'boot', ...cgroups, '--', 'script', '-qec', nspawn, '/dev/null'],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  )
  const leader = await leaderOf(cgroups, child)
  process.once('exit', () => child.kill('SIGKILL'))
  const command = (program: string, ...args: string[]): [string, string[]] => [
    'nsenter',
    ['-t', `${leader}`, '-a', program, ...args],
  ]
  const run = async (program: string, ...args: string[]): Promise<Run> => {
    try {
      const [file, words] = command(program, ...args)
      const { stdout, stderr } = await execute(file, words, { timeout: 60_000 })
      return { code: 0, stdout, stderr }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string }
      return { code: typeof code === 'number' ? code : -1, stdout, stderr }
    }
  }
  const isDown = () => child.exitCode !== null || child.signalCode !== null
  const down = () => waitFor(isDown, { what: `${name} to be down`, timeoutMs: 30_000 })
  const cutPower = async () => {
    if (!isDown()) process.kill(leader, 'SIGKILL')
    await down()
    for (const cgroup of cgroups) removeCgroup(cgroup)
  }
  try {
    const isUp = async () =>
      /^(running|degraded)/.test((await run('systemctl', 'is-system-running')).stdout)
    await waitFor(isUp, { what: `${name} to be up`, timeoutMs: 30_000 })
  } catch (error) {
    await cutPower()
    throw error
  }
  return {
    run,
    command,
    path: (inside) => join(`/proc/${leader}/root`, inside),
    cutPower,
    shutDown: async () => {
      process.kill(leader, orderlyShutdown)
      await down()
      for (const cgroup of cgroups) removeCgroup(cgroup)
    },
  }
}

/** Both, where the host has both. */
function hierarchies(): string[] {
  return ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'].filter(
    (path) => statSync(join(path, 'cgroup.procs'), { throwIfNoEntry: false }) !== undefined,
  )
}

async function leaderOf(cgroups: string[], child: ChildProcess): Promise<number> {
  const first = () => {
    for (const cgroup of cgroups)
      for (const scope of ['payload/init.scope', 'init.scope']) {
        const path = join(cgroup, scope, 'cgroup.procs')
        if (existsSync(path)) return Number(readFileSync(path, 'latin1').split('\n')[0])
      }
    return child.exitCode === null ? null : -1
  }
  const pid = await waitFor(first, { what: 'the first process', timeoutMs: 20_000 })
  if (pid < 0) throw new Error(`systemd-nspawn ended with exit code ${child.exitCode}`)
  return pid
}

function removeCgroup(path: string): void {
  try {
    for (const one of readdirSync(path, { withFileTypes: true }))
      if (one.isDirectory()) removeCgroup(join(path, one.name))
    rmdirSync(path)
  } catch {
    // A process that is about to vanish is still in it: an empty cgroup does no harm.
  }
}
