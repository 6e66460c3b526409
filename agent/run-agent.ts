// The agent's composition root: everything is made and connected here, and nowhere else.
import { mkdirSync } from 'node:fs'
import { systemClock, systemTimers } from '../shared/clock.ts'
import { type Random, systemRandom } from '../shared/random.ts'
import { tellReady } from '../shared/service-manager.ts'
import { profiles } from '../shared/timing.ts'
import { createAgent, nodeFacts } from './agent.ts'
import { type Boot, describeBoot, isVirtual } from './boot.ts'
import { chooseWatchdog, settleDrills } from './choose-watchdog.ts'
import { type Config, readConfig, usage } from './config.ts'
import { createControlPlaneClient } from './control-plane-client.ts'
import { chooseDrivers, type HostDriver } from './drivers/host-drivers.ts'
import { type Drills, openDrills } from './drill/drills.ts'
import { lookBack } from './health/look-back.ts'
import { type Identity, readIdentity, writeIdentity } from './identity.ts'
import { joinCluster } from './join.ts'
import { lockHome, lockNode } from './lock.ts'
import { createLog, type Log } from './log.ts'
import { createJournalStore } from './lrm/journal.ts'
import type { OutsideClock } from './outside-clock/outside-clock.ts'
import { findRtc } from './outside-clock/rtc.ts'
import { raisePriority } from './priority.ts'
import { readHost } from './usage/host-usage.ts'
import { kindOf } from './tools/kinds.ts'
import { createUsageMeter } from './usage/usage-meter.ts'
import type { Watchdog } from './watchdog/watchdog.ts'

// A bug must not leave a half-decided agent behind: it ends here, and the next one finds what runs by its marks.
process.on('uncaughtException', (error) => {
  process.stderr.write(`ha-agent: ${error.stack}\n`)
  process.exit(70)
})

/** Reads the command line; a tool's is carried out. Else takes the locks, joins if need be, and runs until told to end. */
export async function runAgent(): Promise<void> {
  const words = process.argv.slice(2)
  if (kindOf(words[0])) return await tool(words)
  const read = readConfig(words, process.env)
  if ('fault' in read) return fail(`${read.fault}\n\n${usage}`, 2)
  const { config } = read
  if (config.command === 'doctor') return await doctor(config)
  const chosen = chooseDrivers(config.drivers)
  if ('fault' in chosen) return fail(chosen.fault, 2)
  const { drivers } = chosen
  mkdirSync(config.home, { recursive: true, mode: 0o700 })
  if (!(await lockHome(config.home))) return fail(`another agent runs with ${config.home}`)
  const random = systemRandom()
  const clock = systemClock()
  const simulatedBootId = config.simulated?.bootId ?? null
  const boot = describeBoot({ home: config.home, simulatedBootId, random })
  const drills = openDrills({ home: config.home, clock, machine: boot.hardwareId })
  settleDrills(config, clock, drills, boot.bootId)
  const watchdog = chooseWatchdog(config, clock, drills)
  const types = drivers.map(({ type }) => type)
  const outside = boot.virtual ? findRtc() : null
  const facts = nodeFacts(boot, { watchdog, outside }, types, profiles.default)
  const identity = await identify(config, boot, facts, random)
  if (identity === null || config.command === 'join') return
  if (!(await lockNode(identity.nodeUid))) return fail(`another agent runs node ${identity.node}`)
  const log = createLog(identity.node)
  run(config, identity, boot, { watchdog, drills, outside, drivers, random, log, clock })
}

/** `ha-agent vm stop 100`. */
async function tool(words: string[]): Promise<void> {
  const { runTool } = await import('./tools/tool.ts')
  const { exitCode, out, error } = await runTool(words, process.env)
  process.stdout.write(out)
  process.stderr.write(error)
  process.exitCode = exitCode
}

async function doctor(config: Config): Promise<void> {
  const { describeFindings, examine } = await import('./doctor.ts')
  const clock = systemClock()
  // What is proved of the device is all that is asked for.
  const drills = openDrills({ home: config.home, clock, machine: '' })
  const patient = { config, clock, watchdog: chooseWatchdog(config, clock, drills) }
  const isGuest = !config.simulated && isVirtual()
  const outside = isGuest ? findRtc() : null
  const findings = await examine({ ...patient, isVirtual: isGuest, outside })
  process.stdout.write(
    config.isJson ? `${JSON.stringify(findings, null, 2)}\n` : describeFindings(findings),
  )
  if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1
}

/** This node's identity; joins if it has none. */
async function identify(config: Config, boot: Boot, facts: NodeFacts, random: Random) {
  const known = readIdentity(config.home)
  if (known) return known
  const { node, joinToken, urls } = config
  if (node === null || joinToken === null || urls === null) {
    fail(`${config.home} has no identity: give --node, --join-token and --url to join`, 2)
    return null
  }
  const { hardwareId, bootId } = boot
  const request = { joinToken, node, hardwareId, bootId, ...facts }
  const client = createControlPlaneClient({ urls, credential: null, pin: config.pin, random })
  const deps = { client, urls, random, timers: systemTimers, log: createLog(node) }
  const joined = await joinCluster(request, deps)
  if ('refused' in joined) {
    fail(`the plane refused the join: ${joined.refused}`)
    return null
  }
  if (config.pin !== null) joined.pin = config.pin
  writeIdentity(config.home, joined)
  createLog(node)('info', 'joined', { cluster: joined.cluster, nodeUid: joined.nodeUid })
  return joined
}

type NodeFacts = ReturnType<typeof nodeFacts>
type Machine = {
  watchdog: Watchdog
  drills: Drills
  outside: OutsideClock | null
  drivers: HostDriver[]
  random: Random
  log: Log
  clock: ReturnType<typeof systemClock>
}

function run(
  config: Config,
  identity: Identity,
  boot: Boot,
  { watchdog, drills, outside, drivers, random, log, clock }: Machine,
): void {
  const { clusterUuid, nodeUid, credential } = identity
  const { bootId } = boot
  const owner = { clusterUuid, nodeUid }
  const loop = createAgent({
    ...{ identity, boot, watchdog, outside, clock, timers: systemTimers, log },
    createDrivers: (events) => {
      const { home, runDirectory, libvirtUri, libvirtAddress } = config
      const options = {
        ...{ home, runDirectory, owner, bootId, clock, events, log },
        ...{ libvirtUri, libvirtAddress },
        node: identity.node,
      }
      return drivers.map((driver) => driver.create(options))
    },
    createMeter: (drivers) =>
      createUsageMeter({
        ...{ drivers, clock, timers: systemTimers, cpus: boot.capacity.cpus },
        readHost: config.simulated === null ? readHost : null,
      }),
    client: createControlPlaneClient({
      urls: config.urls ?? identity.urls,
      ...{ credential, random, pin: config.pin ?? identity.pin },
    }),
    journal: createJournalStore(config.home, bootId),
    health: lookBack({ home: config.home, bootId, drills, watchdog, clock, log }),
    exit: (code) => process.exit(code),
  })
  process.on('SIGTERM', () => loop.tell({ kind: 'signal', signal: 'restart' }))
  process.on('SIGINT', () => loop.tell({ kind: 'signal', signal: 'shutdown' }))
  process.on('SIGUSR2', () => loop.tell({ kind: 'signal', signal: 'reboot' }))
  if (config.watchdog.startsWith('/dev/')) void feedInTime(log)
  loop.begin()
  tellReady()
}

/** On a busy node the feeder has a deadline, and others have not. */
async function feedInTime(log: Log): Promise<void> {
  const why = await raisePriority(process.pid)
  if (why !== null) log('warn', 'no real-time priority: a busy node may feed late', { why })
}

function fail(why: string, code = 1): void {
  process.stderr.write(`ha-agent: ${why}\n`)
  process.exitCode = code
}
