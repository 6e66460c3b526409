// A virtual machine to the agent: power, boots, and an init that keeps the agent running. It outlives every boot.
// It must never begin a boot before the last process of the one before is dead, nor leave a process behind at its end.
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Init } from './init.ts'
import { findCgroup, makeCgroup } from './cgroup.ts'
import type { Log } from './log.ts'
import { bootMark, continueTree, findTree, killTree, stopTree, type Tree } from './tree.ts'
import { openWatchdogDevice, type WatchdogDevice } from './watchdog-device.ts'

export type MachineOptions = {
  node: string
  home: string
  rebootMs: number
  /** Program and arguments of the agent. */
  agent: string[]
  log: Log
  /** Called in the moment in which the power is gone, before anything is killed. */
  powerLost(): void
}

/** What of the machine survives a boot, and a supervisor. */
type Record = { bootId: string; boots: number; watchdogResets: number; lastPowerOff: string }

type Boot = {
  tree: Tree
  init: Init
  watchdog: WatchdogDevice
  hung: boolean
  /** Set as soon as the power is cut: resolves when nothing is left. */
  ending: Promise<void> | null
}

export class Machine {
  #options: MachineOptions
  #record: Record
  #boot: Boot | null = null
  #wantedOn = false
  #rebootTimer: NodeJS.Timeout | null = null

  constructor(options: MachineOptions) {
    this.#options = options
    mkdirSync(options.home, { recursive: true, mode: 0o700 })
    this.#record = this.#loadRecord()
  }

  /** Removes what a supervisor that was killed has left behind. Before the first boot. */
  async clearEarlierBoot(): Promise<void> {
    const { bootId } = this.#record
    if (bootId === '') return
    const cgroup = findCgroup(this.#cgroupName(bootId))
    const killed = await killTree({
      bootId,
      cgroup,
      agentPid: () => null,
      runFiles: this.#runFiles(),
    })
    if (killed === 0) return
    this.#save({ ...this.#record, lastPowerOff: 'its supervisor was killed' })
    this.#options.log('killed processes of an earlier boot', { bootId, killed })
  }

  /** Boots the node, unless it is up. */
  async powerOn(why: string): Promise<void> {
    this.#wantedOn = true
    this.#cancelReboot()
    await this.#boot?.ending
    if (this.#boot === null && this.#wantedOn) this.#start(why)
  }

  /** Pulls the plug: everything is killed, and the node stays off. */
  async powerOff(why: string): Promise<void> {
    this.#wantedOn = false
    this.#cancelReboot()
    await this.#cutPower(why)
  }

  /** Everything is killed at once; the node boots again after `rebootMs`. */
  async crash(why: string): Promise<void> {
    this.#running()
    await this.#cutPower(why)
    this.#scheduleReboot()
  }

  /** Stops every process, as a machine that hangs. The watchdog runs on. */
  async hang(): Promise<number> {
    const boot = this.#running()
    boot.hung = true
    return stopTree(boot.tree)
  }

  resume(): number {
    if (!this.#boot?.hung) return 0
    this.#boot.hung = false
    return continueTree(this.#boot.tree)
  }

  /** Ends the agent: SIGTERM asks it to leave its services running, SIGKILL asks nothing. Init starts it again. */
  signalAgent(signal: 'SIGTERM' | 'SIGKILL'): number {
    const pid = this.#running().init.signal(signal)
    if (pid === null) throw new Error('the agent is not running just now; it is being restarted')
    return pid
  }

  /** A clean power-off: the agent stops its services first, within `patienceMs`; then nothing is left, one way or the other. */
  async shutDown(why: string, patienceMs: number): Promise<void> {
    this.#wantedOn = false
    this.#cancelReboot()
    const boot = this.#boot
    if (boot && !boot.hung && !boot.ending) await boot.init.stop(patienceMs)
    await this.#cutPower(why)
  }

  status() {
    const boot = this.#boot
    const { armed, timeoutMs } = boot?.watchdog.timer.state ?? { armed: false, timeoutMs: 0 }
    return {
      node: this.#options.node,
      power: boot && !boot.ending ? 'on' : this.#wantedOn ? 'rebooting' : 'off',
      hung: boot?.hung ?? false,
      ...this.#record,
      agentPid: boot?.init.pid ?? null,
      agentStarts: boot?.init.starts ?? 0,
      processes: boot ? findTree(boot.tree).length : 0,
      cgroup: boot?.tree.cgroup?.directory ?? null,
      watchdog: { armed, timeoutMs, remainingMs: boot?.watchdog.timer.remainingMs ?? null },
    }
  }

  #start(why: string): void {
    const { home, node, agent, log } = this.#options
    const bootId = randomUUID()
    const resetByWatchdog = this.#record.lastPowerOff === 'watchdog'
    // Without a record of this boot nobody could find what it leaves behind: then it does not boot.
    if (!this.#save({ ...this.#record, bootId, boots: this.#record.boots + 1 }))
      return this.#scheduleReboot()
    const fifo = join(home, 'watchdog.fifo')
    const stateFile = join(home, 'watchdog.json')
    const watchdog = openWatchdogDevice({
      fifo,
      stateFile,
      bootId,
      resetByWatchdog,
      log,
      fired: (silentMs) => this.#watchdogFired(silentMs),
    })
    const cgroup = makeCgroup(this.#cgroupName(bootId))
    const init = new Init({
      command: agent,
      cgroup: cgroup?.directory ?? null,
      environment: {
        ...process.env,
        [bootMark]: bootId,
        HOLDFAST_BOOT_ID: bootId,
        HOLDFAST_WATCHDOG_FIFO: fifo,
        HOLDFAST_WATCHDOG_STATE: stateFile,
      },
      log,
      exited: () => watchdog.timer.agentExited(),
      isUp: () => this.#isUp(),
    })
    const tree = { bootId, cgroup, agentPid: () => init.pid, runFiles: this.#runFiles() }
    this.#boot = { tree, init, watchdog, hung: false, ending: null }
    log('boot', { node, bootId, why, cgroup: cgroup?.directory ?? null })
    init.start()
  }

  /**
   * A node whose watchdog was armed and on which nothing at all is left was killed as a whole (`kill -9` of its tree): that
   * is a machine without power, not an agent that wants to be started again.
   */
  #isUp(): boolean {
    const boot = this.#boot
    if (boot === null || boot.ending) return false
    if (!boot.watchdog.timer.state.armed || findTree(boot.tree).length > 0) return true
    void this.crash('everything on it was killed')
    return false
  }

  #watchdogFired(silentMs: number): void {
    this.#options.log('watchdog fired', { silentMs: Math.round(silentMs) })
    void this.#cutPower('watchdog').then(() => this.#scheduleReboot())
    this.#save({ ...this.#record, watchdogResets: this.#record.watchdogResets + 1 })
  }

  async #cutPower(why: string): Promise<void> {
    const boot = this.#boot
    if (boot === null) return
    boot.ending ??= this.#end(boot, why)
    await boot.ending
  }

  async #end(boot: Boot, why: string): Promise<void> {
    const beganMs = performance.now()
    this.#options.powerLost()
    boot.init.giveUp()
    boot.watchdog.end()
    const killed = await killTree(boot.tree)
    this.#save({ ...this.#record, lastPowerOff: why })
    this.#boot = null
    const tookMs = Math.round(performance.now() - beganMs)
    this.#options.log('power off', { why, killed, tookMs, bootId: boot.tree.bootId })
  }

  #scheduleReboot(): void {
    if (!this.#wantedOn || this.#boot !== null) return
    this.#cancelReboot()
    this.#rebootTimer = setTimeout(() => void this.powerOn('reboot'), this.#options.rebootMs)
  }

  #cancelReboot(): void {
    if (this.#rebootTimer) clearTimeout(this.#rebootTimer)
    this.#rebootTimer = null
  }

  #running(): Boot {
    if (this.#boot === null || this.#boot.ending) throw new Error('the node has no power')
    return this.#boot
  }

  #cgroupName(bootId: string): string {
    return `holdfast-${this.#options.node}-${bootId}`
  }

  /** Where the agent's driver writes down what it started. */
  #runFiles(): string {
    return join(this.#options.home, 'agent', 'run')
  }

  #recordFile(): string {
    return join(this.#options.home, 'machine.json')
  }

  #loadRecord(): Record {
    const fresh = { bootId: '', boots: 0, watchdogResets: 0, lastPowerOff: 'never booted' }
    try {
      return { ...fresh, ...JSON.parse(readFileSync(this.#recordFile(), 'utf8')) }
    } catch {
      return fresh
    }
  }

  /** SAFETY: a record that cannot be written must not keep the power from being cut, nor end this process. */
  #save(record: Record): boolean {
    this.#record = record
    try {
      writeFileSync(`${this.#recordFile()}.new`, `${JSON.stringify(record, null, 2)}\n`)
      renameSync(`${this.#recordFile()}.new`, this.#recordFile())
      return true
    } catch (error) {
      this.#options.log('record not written', { why: (error as Error).message })
      return false
    }
  }
}
