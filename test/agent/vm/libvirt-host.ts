// A real libvirt daemon on a host of its own: own mounts, host name, network, and files under one folder. Two of them are
// joined by a cable. The process table is the machine's, so what belongs to a host is told by its namespace.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isInstalled } from '../../../agent/drivers/host-drivers.ts'
import { type CommandResult, runCommand } from '../../../agent/drivers/run-command.ts'

/** What this machine lacks for it; null: nothing. */
export function whyNoLibvirt(): string | null {
  if (process.getuid?.() !== 0) return 'needs root'
  for (const tool of ['libvirtd', 'virsh', 'qemu-system-x86_64', 'unshare', 'ip'])
    if (!isInstalled(tool)) return `${tool} is not installed`
  try {
    execFileSync('unshare', ['--mount', '--uts', '--net', 'true'], { stdio: 'pipe' })
  } catch {
    return 'namespaces cannot be made here'
  }
  return null
}

export type LibvirtHost = {
  name: string
  folder: string
  hooks: string
  pidFile: string
  /** For processes on this machine, and for the daemon of the other host. */
  uri: string
  address: string
  /** What a command needs before it to see the host as its own; only the network stays that of the machine. */
  enter: string[]
  /** The same for a command that needs nothing of it but its network. */
  enterNetwork: string[]
  isOfHost: (pid: number) => boolean
  virsh: (...args: string[]) => Promise<CommandResult>
  /** QEMU processes on it, of one machine or of all. */
  machines: (uuid?: string) => number[]
  /** Kills the daemon alone; machines run on. */
  killDaemon(): Promise<void>
  startDaemon(): Promise<void>
  /** The daemon hangs, and goes on. */
  pauseDaemon(): void
  resumeDaemon(): void
  end(): Promise<void>
}

/**
 * `count` hosts, their daemons running; the first two share a cable, each at its bridge `br0`.
 * @param hasOwnPids each has a process table of its own, too: what runs `inside` sees no other host's. Its daemon is then
 * not to be killed or paused alone.
 */
export async function startLibvirtHosts(count: 1 | 2, hasOwnPids = false): Promise<LibvirtHost[]> {
  const hosts = Array.from({ length: count }, (_, at) =>
    createHost(`hv${at + 1}`, `10.99.0.${at + 1}`, hasOwnPids),
  )
  try {
    joinByCable(hosts)
    for (const host of hosts) host.setUp(count === 2)
    await Promise.all(hosts.map((host) => host.startDaemon()))
  } catch (error) {
    for (const host of hosts) await host.end()
    throw error
  }
  return hosts
}

function joinByCable([first, second]: Made[]): void {
  if (!first || !second) return
  const peer = ['type', 'veth', 'peer', 'name', 'e0', 'netns', second.holder()]
  execFileSync('ip', ['link', 'add', 'e0', 'netns', first.holder(), ...peer])
}

/** What libvirt finds out about QEMU, which takes it seconds, is the same for all of them. */
const sharedCache = join(tmpdir(), 'holdfast-libvirt-cache')

type Made = LibvirtHost & { holder(): string; setUp(hasCable: boolean): void }

function createHost(name: string, ip: string, hasOwnPids: boolean): Made {
  const folder = mkdtempSync(join(tmpdir(), `holdfast-${name}-`))
  const at = (...parts: string[]) => join(folder, ...parts)
  for (const part of ['etc', 'lib', 'run', 'log']) mkdirSync(at(part))
  mkdirSync(sharedCache, { recursive: true })
  writeConfig(folder, ip)
  // Where its pid says nothing to others it cannot be told to look for its first hook: it finds one from the start.
  if (hasOwnPids) {
    mkdirSync(at('etc', 'hooks', 'qemu.d'), { recursive: true })
    writeFileSync(at('etc', 'hooks', 'qemu.d', 'none'), '#!/bin/sh\n', { mode: 0o755 })
  }
  const socket = at('run', 'libvirt-sock')
  const uri = `qemu+unix:///system?socket=${socket}`
  // Holds the namespaces, whatever becomes of the daemon; ends with this process, whose end closes its input.
  const ownPids = ['--pid', '--fork', '--kill-child', '--mount-proc']
  const spaces = ['--mount', '--uts', '--net', '--propagation', 'private']
  // In a process table of its own it is the first, and a shell that waits buries every orphan.
  const hold = hasOwnPids ? [...ownPids, '/bin/sh', '-c', 'cat; exit'] : ['cat']
  const holder = spawn('unshare', [...spaces, ...hold], { stdio: ['pipe', 'ignore', 'inherit'] })
  const holderPid = hasOwnPids ? firstChild(holder.pid!) : holder.pid!
  awaitOwnSpaces(holderPid)
  let daemon: ChildProcess | null = null
  const enter = ['-t', `${holderPid}`, '-m', '-u', ...(hasOwnPids ? ['-p'] : [])]
  const inside = (script: string) => [...enter, '-n', '/bin/sh', '-c', script]
  const namespaceOf = (pid: number) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/uts`)
    } catch {
      return null
    }
  }
  const isOfHost = (pid: number) => namespaceOf(pid) === namespaceOf(holderPid)
  const virsh = (...args: string[]) =>
    runCommand('virsh', ['--quiet', '--connect', uri, ...args], { timeoutMs: 30_000 })
  const machines = (uuid?: string) =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid) && isMachine(pid, uuid) && isOfHost(Number(pid)))
      .map(Number)

  async function startDaemon(): Promise<void> {
    rmSync(socket, { force: true })
    daemon = spawn('nsenter', inside(`exec libvirtd --listen -p ${at('libvirtd.pid')}`), {
      stdio: ['ignore', 'ignore', 'ignore'],
    })
    for (let waits = 0; (await virsh('list')).code !== 0; waits++) {
      if (waits > 100)
        throw new Error(
          `libvirtd did not begin: ${readFileSync(at('log', 'libvirtd.log'), 'utf8')}`,
        )
      await pause(50)
    }
  }
  async function killDaemon(): Promise<void> {
    const ended = new Promise((resolve) => daemon?.once('exit', resolve))
    daemon?.kill('SIGKILL')
    if (daemon?.exitCode === null && daemon.signalCode === null) await ended
  }
  return {
    ...{ name, folder, uri, isOfHost, virsh, machines, startDaemon, killDaemon },
    pauseDaemon: () => void daemon?.kill('SIGSTOP'),
    resumeDaemon: () => void daemon?.kill('SIGCONT'),
    hooks: at('etc', 'hooks'),
    pidFile: at('libvirtd.pid'),
    address: `qemu+tcp://${ip}/system`,
    enter: ['nsenter', ...enter],
    enterNetwork: ['-t', `${holderPid}`, '-n'],
    holder: () => `${holderPid}`,
    setUp(hasCable) {
      const binds = [
        [at('etc'), '/etc/libvirt'],
        [at('run'), '/run/libvirt'],
        [at('lib'), '/var/lib/libvirt'],
        [at('log'), '/var/log/libvirt'],
        [sharedCache, '/var/cache/libvirt'],
      ].map(([own, target]) => `mkdir -p ${target}; mount --bind ${own} ${target}`)
      const net = hasCable
        ? `ip link add br0 type bridge; ip link set e0 master br0; ip link set e0 up; ip link set br0 up; ip addr add ${ip}/24 dev br0; ip route add 255.255.255.255 dev br0`
        : `ip addr add ${ip}/32 dev lo`
      writeFileSync(at('hosts'), '127.0.0.1 localhost\n10.99.0.1 hv1\n10.99.0.2 hv2\n')
      const script = [
        ...['set -e', ...binds, `hostname ${name}`, `mount --bind ${at('hosts')} /etc/hosts`],
        ...['ip link set lo up', net],
      ].join('\n')
      execFileSync('nsenter', inside(script), { stdio: ['ignore', 'ignore', 'inherit'] })
    },
    async end() {
      await killDaemon()
      for (const pid of machines()) process.kill(pid, 'SIGKILL')
      holder.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Waits until `pid` has left this process's namespaces: before, what is done in its own would be done to the machine. */
function awaitOwnSpaces(pid: number): void {
  const isApart = (space: string) =>
    readlinkSync(`/proc/${pid}/ns/${space}`) !== readlinkSync(`/proc/self/ns/${space}`)
  // A look takes microseconds, unshare milliseconds: a bound that only a broken one reaches.
  for (let looks = 0; looks < 1_000_000; looks++) if (['mnt', 'uts', 'net'].every(isApart)) return
  throw new Error(`process ${pid} did not get namespaces of its own`)
}

/** The first process of a process table of its own. */
function firstChild(pid: number): number {
  for (let looks = 0; looks < 10_000; looks++) {
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
    if (child !== '') return Number(child)
  }
  throw new Error('no process began in the new process table')
}

function writeConfig(folder: string, ip: string): void {
  const lines = (...given: string[]) => `${given.join('\n')}\n`
  writeFileSync(
    join(folder, 'etc', 'libvirtd.conf'),
    lines(
      ...['listen_tls = 0', 'listen_tcp = 1', 'auth_tcp = "none"', `listen_addr = "${ip}"`],
      ...['auth_unix_rw = "none"', 'auth_unix_ro = "none"', 'unix_sock_group = "root"'],
      ...[
        `host_uuid = "${randomUUID()}"`,
        `log_outputs = "3:file:${join(folder, 'log', 'libvirtd.log')}"`,
      ],
    ),
  )
  writeFileSync(
    join(folder, 'etc', 'qemu.conf'),
    lines(
      ...['user = "root"', 'group = "root"', 'security_driver = "none"', 'namespaces = []'],
      ...['cgroup_controllers = []', 'stdio_handler = "file"', 'remember_owner = 0'],
      ...['dynamic_ownership = 0', `migration_address = "${ip}"`, `migration_host = "${ip}"`],
    ),
  )
}

function isMachine(pid: string, uuid: string | undefined): boolean {
  const path = `/proc/${pid}/cmdline`
  if (!existsSync(path)) return false
  try {
    const words = readFileSync(path, 'latin1').split('\0')
    const at = words.indexOf('-uuid')
    return at > 0 && /qemu/.test(words[0] ?? '') && (uuid === undefined || words[at + 1] === uuid)
  } catch {
    return false // gone meanwhile
  }
}
