// What a machine is made from, and what it tells the world.
import type { Boot } from '../../agent/boot.ts'
import type { ServiceType } from '../../shared/names.ts'
import type { Behaviour, DriverAction } from './driver-parts.ts'
import type { Guest, Guests } from './guests.ts'
import type { Exchange } from './link.ts'
import type { Machine } from './machine.ts'
import type { Chance } from './random.ts'
import type { Replica } from './replica.ts'
import type { Scheduler } from './scheduler.ts'
import type { DeviceKind, FeedCause } from './watchdog.ts'

/** On its disk: the agent's folder, and who it is. */
export const home = '/home'
export const identityPath = `${home}/identity.json`
const journal = [`${home}/journal.json`, `${home}/lease.json`]
export const filesOf = { journal, everything: [...journal, identityPath] }

/** As systemd does. */
export const agentRestartMs = 500

export type MachineOptions = {
  name: string
  scheduler: Scheduler
  chance: Chance
  device: DeviceKind
  virtual: boolean
  hasRtc: boolean
  drivers: ServiceType[]
  capacity: Boot['capacity']
  joinToken: string
  replicas: Replica[]
  behaviour: Behaviour
  /** What runs on another machine, where one is on: live moves go there. */
  hostOf(node: string): Guests | undefined
  /** Rate of its clock. */
  rate: number
  /** Nobody has cut its power from outside. */
  hasPower(): boolean
  /** From power to agent. */
  bootMs: number
  /** Its agent knows of start gates, and reads the services that they are for. */
  readsGates: boolean
}

/** What a world watches a machine for. */
export type MachineEvents = {
  onAction(machine: Machine, action: DriverAction): void
  /** An agent begins to start, stop or move something. */
  onTouch(machine: Machine, sid: string, what: DriverAction['action']): void
  onExchange(machine: Machine, exchange: Exchange): void
  onFeedAllowed(machine: Machine): void
  onFeed(machine: Machine, cause: FeedCause): void
  onGuest(machine: Machine, guest: Guest, isStart: boolean): void
  onThrow(machine: Machine, error: unknown): void
  onPower(machine: Machine, isOn: boolean, why: string): void
  onAgent(machine: Machine, what: string): void
  onLog(machine: Machine, level: string, message: string, facts: Record<string, unknown>): void
}

/** Probabilities that the agent stands still between a check and the feed, start or sending after it; how long. */
export const noPauses = { feed: 0, act: 0, send: 0, mostMs: 0 }

/** As what they are counted. */
export const pauseFaults = {
  feed: 'pauseBeforeFeed',
  act: 'pauseBeforeAct',
  send: 'pauseBeforeSend',
} as const
