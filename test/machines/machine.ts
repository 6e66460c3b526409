// One virtual machine: a process of QEMU (software emulation only), its switches, and what it says over its serial lines.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, openSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { waitFor } from '../e2e/wait.ts'
import { makeDataDisk } from './disk.ts'
import type { Kernel } from './kernel.ts'
import { connectTo, Qmp } from './qmp.ts'

/** What it boots: the small read-only disk, or a whole system that writes to a layer of its own, gone when it is switched off. */
export type System = { disk: string; memoryMib: number; isWritable: boolean }

export type MachineOptions = {
  name: string
  dir: string
  kernel: Kernel
  system: System
  url: string
  joinToken: string
  /** Hears each line of the outside line, with the moment. */
  hear(line: string, atMs: number): void
  /** Hears that something came down the line of a guest of its own. */
  hearGuest?(atMs: number): void
}

export type Boot = { boot: string; bootstatus: number; atMs: number }

export class Machine {
  readonly name: string
  readonly boots: Boot[] = []
  /** How often an agent has begun in a crash loop. */
  lives = 0
  readonly #options: MachineOptions
  #child: ChildProcess | null = null
  #qmp: Qmp | null = null
  #console: Socket | null = null

  constructor(options: MachineOptions) {
    this.#options = options
    this.name = options.name
    makeDataDisk(this.#file('data'))
  }

  get qmp(): Qmp {
    if (!this.#qmp) throw new Error(`${this.name} is not on`)
    return this.#qmp
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async start(): Promise<void> {
    const log = openSync(this.#file('qemu.log'), 'a')
    this.#child = spawn('qemu-system-x86_64', this.#arguments(), { stdio: ['ignore', log, log] })
    process.once('exit', this.#killNow)
    this.#qmp = await Qmp.open(this.#file('qmp'))
    this.#console = await connectTo(this.#file('console'))
    this.#console.on('error', () => {}).resume()
    const outside = (await connectTo(this.#file('outside'))).on('error', () => {})
    createInterface({ input: outside }).on('line', (line) => this.#hear(line, performance.now()))
    const guest = (await connectTo(this.#file('guest'))).on('error', () => {})
    guest.on('data', () => this.#options.hearGuest?.(performance.now()))
  }

  /** Types a command on the machine's console; nobody waits for its end. */
  type(command: string): void {
    this.#console?.write(`${command}\n`)
  }

  /** Its network card's cable. */
  async plug(isIn: boolean): Promise<void> {
    await this.qmp.execute('set_link', { name: 'net', up: isIn })
  }

  /** The moment at which the watchdog fired, as QEMU says, if it did after `sinceMs`. */
  watchdogFired(sinceMs: number): number | undefined {
    return this.qmp.events.find(({ name, atMs }) => name === 'WATCHDOG' && atMs >= sinceMs)?.atMs
  }

  bootAfter(sinceMs: number): Boot | undefined {
    return this.boots.find(({ atMs }) => atMs >= sinceMs)
  }

  tail(lines = 60): string {
    return ['qemu.log', 'console.log']
      .map((name) => this.#file(name))
      .filter((path) => existsSync(path))
      .map(
        (path) => `── ${path}\n${readFileSync(path, 'utf8').split('\n').slice(-lines).join('\n')}`,
      )
      .join('\n')
  }

  async end(): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await waitFor(() => child.signalCode !== null, { what: `${this.name} to be off` })
    process.off('exit', this.#killNow)
  }

  readonly #killNow = () => void this.#child?.kill('SIGKILL')

  #hear(line: string, atMs: number): void {
    if (line.endsWith('@life')) return void this.lives++
    const boot = /@boot (\{.*\})$/.exec(line)?.[1]
    if (boot === undefined) return this.#options.hear(line, atMs)
    this.boots.push({ ...(JSON.parse(boot) as Omit<Boot, 'atMs'>), atMs })
  }

  #file(what: string): string {
    return join(this.#options.dir, `${this.name}.${what}`)
  }

  #arguments(): string[] {
    const { kernel, system, url, joinToken } = this.#options
    const socket = (id: string, more = '') =>
      `socket,id=${id},path=${this.#file(id)},server=on,wait=off${more}`
    // panic=0: a kernel that panics stays so, and only the watchdog gets the machine out of it.
    const words = ['console=ttyS0', 'quiet', 'panic=0', 'net.ifnames=0']
    words.push(`node=${this.name}`, `url=${url}`, `token=${joinToken}`)
    return [
      ...['-name', this.name, '-machine', 'pc', '-accel', 'tcg', '-smp', '1'],
      ...['-m', `${system.memoryMib}`],
      ...['-nodefaults', '-display', 'none', '-uuid', randomUUID()],
      ...['-kernel', kernel.vmlinux, '-initrd', kernel.initrd, '-append', words.join(' ')],
      ...['-device', 'i6300esb', '-action', 'watchdog=reset'],
      ...['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile='],
      ...[
        '-drive',
        `id=system,if=none,file=${system.disk},format=raw,${system.isWritable ? 'snapshot=on' : 'readonly=on'}`,
      ],
      ...['-device', 'virtio-blk-pci,drive=system,addr=0x10'],
      ...['-drive', `id=data,if=none,file=${this.#file('data')},format=raw`],
      ...['-device', 'virtio-blk-pci,drive=data,addr=0x11'],
      ...['-chardev', socket('console', `,logfile=${this.#file('console.log')}`)],
      ...['-chardev', socket('outside'), '-chardev', socket('guest')],
      ...['console', 'outside', 'guest'].flatMap((line) => ['-serial', `chardev:${line}`]),
      ...['-qmp', `unix:${this.#file('qmp')},server=on,wait=off`],
    ]
  }
}
