// One machine: power, boots, its watchdog, its disk, what runs on it, and the process of the production agent.
import { createAgent } from '../../agent/agent.ts'
import type { Boot } from '../../agent/boot.ts'
import { nothingProved, type Proved } from '../../agent/drill/measured-factor.ts'
import type { Identity } from '../../agent/identity.ts'
import type { Log } from '../../agent/log.ts'
import { createJournalStore } from '../../agent/lrm/journal.ts'
import type { Loop } from '../../agent/lrm/loop.ts'
import type { OutsideClock } from '../../agent/outside-clock/outside-clock.ts'
import { Disk } from './disk.ts'
import { SimDriver } from './driver.ts'
import type { DriverAction } from './driver-parts.ts'
import { Guests } from './guests.ts'
import { clientOver } from './client-over.ts'
import { Link } from './link.ts'
import { joinSite } from './join-site.ts'
import { lookBackAt } from './look-back.ts'
import { agentRestartMs, filesOf, home, identityPath } from './machine-parts.ts'
import { noPauses, pauseFaults } from './machine-parts.ts'
import type { MachineEvents, MachineOptions } from './machine-parts.ts'
import { HostClock, Process } from './process.ts'
import { rtcOf } from './rtc.ts'
import { Device, simWatchdog } from './watchdog.ts'

type Agent = { process: Process; loop: Loop | null; drivers: SimDriver[] }

export class Machine {
  readonly name: string
  readonly options: MachineOptions
  hardwareId: string
  readonly link: Link
  readonly disk: Disk
  private readonly notes: Disk
  readonly guests: Guests
  readonly device: Device
  clock: HostClock
  bootId = ''
  isOn = false
  agent: Agent | null = null
  /** Agents that end are started again. */
  isAgentWanted = true
  /** Whoever administers it has asked the machine to go down. */
  isGoingDown = false
  /** After a reset by the watchdog it boots again after so long; null: it stays off. */
  rebootMs: number | null = 20_000
  pauses = { ...noPauses }
  /** When it last went on after it was frozen. */
  thawedMs = Number.NEGATIVE_INFINITY
  private readonly outside: OutsideClock | null
  private readonly events: MachineEvents
  private boots = 0

  constructor(options: MachineOptions, events: MachineEvents) {
    const { name, scheduler, chance } = options
    this.name = name
    this.options = options
    this.events = events
    this.hardwareId = `hardware-${name}`
    this.outside = options.hasRtc ? rtcOf(scheduler) : null
    this.link = new Link(scheduler, chance.stream('link'))
    this.disk = new Disk(scheduler, chance.stream('disk'))
    this.notes = new Disk(scheduler, chance.stream('notes'), this.disk)
    this.guests = new Guests(scheduler)
    this.clock = new HostClock(scheduler)
    this.device = new Device(options.device, chance.stream('watchdog'), this.clock)
    this.guests.onStart = (guest) => events.onGuest(this, guest, true)
    this.guests.onEnd = (guest) => events.onGuest(this, guest, false)
    this.guests.onLateEnd = ({ sid, generation }) => {
      for (const driver of this.agent?.drivers ?? []) driver.tellExited(sid, generation)
    }
    this.guests.onArrival = ({ sid, generation }) => {
      for (const driver of this.agent?.drivers ?? []) driver.tellArrived(sid, generation)
    }
    this.device.onFeed = (cause) => events.onFeed(this, cause)
    this.device.onFire = () => this.powerOff('its watchdog has reset it', this.rebootMs)
  }

  /** Boots, and starts the agent. */
  powerOn(): void {
    if (this.isOn || !this.options.hasPower()) return
    const { scheduler, chance, rate, bootMs } = this.options
    this.isOn = true
    this.boots += 1
    this.bootId = chance.uuid()
    this.clock = new HostClock(scheduler, rate, chance.between(2_000, 20_000))
    this.device.reset(this.clock)
    this.device.boot()
    this.events.onPower(this, true, `boot ${this.boots}`)
    const { bootId } = this
    scheduler.after(bootMs, () => {
      if (this.bootId === bootId) this.startAgent()
    })
  }

  /** @param againMs boots again after so long; null: it stays off */
  powerOff(why: string, againMs: number | null = null): void {
    if (!this.isOn) return
    this.isOn = false
    this.bootId = ''
    this.agent?.process.kill()
    this.agent = null
    this.device.reset(this.clock)
    this.guests.endAll()
    this.disk.losePower()
    this.notes.losePower()
    this.events.onPower(this, false, why)
    if (againMs !== null) this.options.scheduler.after(againMs, () => this.powerOn())
  }

  startAgent(): void {
    if (!this.isOn || this.agent || !this.isAgentWanted || this.clock.isFrozen) return
    this.isGoingDown = false
    const process = new Process(this.options.scheduler, this.clock)
    const agent: Agent = { process, loop: null, drivers: [] }
    this.agent = agent
    process.onThrow = (error) => {
      this.events.onThrow(this, error)
      this.endAgent(agent, `it threw: ${(error as Error).message}`)
    }
    this.events.onAgent(this, 'begins')
    process.do(() => this.runAgent(agent))
  }

  /** The process is killed. */
  crashAgent(why = 'killed'): void {
    if (this.agent) this.endAgent(this.agent, why)
  }

  /** Its hypervisor stops it, with its watchdog and all of its clocks; nothing in it executes. */
  freeze(): void {
    if (!this.isOn) return
    this.clock.freeze()
    this.agent?.process.pause()
    this.events.onPower(this, true, 'frozen')
  }

  /** It goes on as if nothing had been. */
  thaw(): void {
    if (!this.clock.isFrozen) return
    this.clock.thaw()
    this.thawedMs = this.options.scheduler.nowMs
    this.events.onPower(this, true, 'goes on')
    this.agent?.process.resume()
    this.startAgent()
  }

  /** As systemd sends them: SIGTERM for a planned restart, SIGINT for the end of the node. */
  signal(signal: 'restart' | 'shutdown' | 'reboot'): void {
    const { agent } = this
    if (signal !== 'restart') this.isGoingDown = true
    agent?.process.do(() => agent.loop?.tell({ kind: 'signal', signal }))
  }

  /** A service's main process dies; `leavesSomething`: not all of it. */
  crashGuest(sid: string, leavesSomething: boolean): void {
    const generation = this.guests.crash(sid, leavesSomething)
    if (generation === null) return
    for (const driver of this.agent?.drivers ?? []) driver.tellExited(sid, generation)
  }

  /** Journal and lease note are lost, or the identity too. */
  loseHome(what: 'journal' | 'everything'): void {
    this.disk.wipe(filesOf[what])
    if (what === 'everything') this.notes.wipe()
  }

  private endAgent(agent: Agent, why: string): void {
    if (this.agent !== agent) return
    this.agent = null
    agent.process.kill()
    this.events.onAgent(this, `ends: ${why}`)
    const { bootId } = this
    this.options.scheduler.after(agentRestartMs, () => {
      if (this.bootId === bootId) this.startAgent()
    })
  }

  private runAgent(agent: Agent): void {
    const text = this.disk.read(identityPath)
    if (text !== null) return this.runJoined(agent, JSON.parse(text) as Identity)
    const { process } = agent
    const parts = { watchdog: this.watchdogOf(process, () => nothingProved), outside: this.outside }
    const client = this.clientOf(process, null)
    const joining = { ...parts, boot: this.boot(), client, log: this.log() }
    return void joinSite(this.options, joining, process).then((joined) =>
      process.do(() => {
        if ('refused' in joined) return this.endAgent(agent, `refused: ${joined.refused}`)
        this.disk.writeSynced(identityPath, JSON.stringify(joined))
        return this.runJoined(agent, joined)
      }),
    )
  }

  private runJoined(agent: Agent, identity: Identity): void {
    const { process } = agent
    const { clock, timers } = process
    const { bootId, outside } = this
    const journal = createJournalStore(home, bootId, this.disk.filesFor(process))
    const files = this.notes.filesFor(process)
    const log = this.log()
    const looked = lookBackAt({
      ...{ home, bootId, hardwareId: this.hardwareId, clock, files, log },
      bootStatus: this.device.bootStatus,
      watchdogOf: (provedOf) => this.watchdogOf(process, provedOf),
    })
    agent.loop = createAgent({
      ...{ identity, boot: this.boot(), clock, timers, journal, log, outside, ...looked },
      // No machine here is suspended without its timers; a virtual one may be frozen with them, and looks every second.
      longestSleepMs: this.options.virtual ? 1_000 : 10_000,
      client: this.clientOf(process, identity.credential),
      createDrivers: (events) => {
        const { behaviour } = this.options
        const parts = {
          ...{ guests: this.guests, process, events, behaviour, node: this.name },
          hostOf: (node: string) => this.options.hostOf(node),
          onAction: (action: DriverAction) => this.events.onAction(this, action),
          onTouch: (sid: string, what: DriverAction['action']) =>
            this.events.onTouch(this, sid, what),
          pauseBefore: () => this.pauseBefore(process, 'act'),
        }
        agent.drivers = this.options.drivers.map((type) => new SimDriver({ ...parts, type }))
        return agent.drivers
      },
      exit: (code) => this.endAgent(agent, `exit ${code}`),
    })
    agent.loop.begin()
  }

  private boot(): Boot {
    const { bootId, hardwareId } = this
    const { virtual, capacity } = this.options
    return { bootId, hardwareId, virtual, capacity }
  }

  private watchdogOf(process: Process, provedOf: (identity: string) => Proved) {
    const pauseBefore = () => this.pauseBefore(process, 'feed')
    const onAllowed = () => this.events.onFeedAllowed(this)
    return simWatchdog(this.device, process, pauseBefore, onAllowed, provedOf)
  }

  private pauseBefore(process: Process, what: 'feed' | 'act' | 'send'): void {
    const { chance } = this.options
    if (!chance.chance(this.pauses[what])) return
    this.options.scheduler.tally.note(pauseFaults[what])
    process.pauseFor(chance.between(0, this.pauses.mostMs))
  }

  private clientOf(process: Process, credential: string | null) {
    return clientOver(this.link, this.options, process, credential, (exchange, isSent) => {
      this.events.onExchange(this, exchange)
      if (isSent) this.pauseBefore(process, 'send')
    })
  }

  private log(): Log {
    return (level, message, facts = {}) => this.events.onLog(this, level, message, facts)
  }
}
