// The agent's composition root: everything is made and connected here, and nowhere else.
import { mkdirSync } from 'node:fs'
import { systemClock } from '../shared/clock.ts'
import { type Random, systemRandom } from '../shared/random.ts'
import { profiles } from '../shared/timing.ts'
import { type Boot, describeBoot } from './boot.ts'
import { chooseWatchdog } from './choose-watchdog.ts'
import { type Config, readConfig, usage } from './config.ts'
import { createControlPlaneClient } from './control-plane-client.ts'
import type { DriverEvents } from './drivers/driver.ts'
import { createProcessDriver } from './drivers/process/process-driver.ts'
import { type Identity, readIdentity, writeIdentity } from './identity.ts'
import { joinCluster } from './join.ts'
import { lockHome, lockNode } from './lock.ts'
import { createLog, type Log } from './log.ts'
import { resumeLrm } from './lrm/decide/resume.ts'
import { createEffects } from './lrm/effects.ts'
import { createJournalStore } from './lrm/journal.ts'
import { createLoop, type Loop } from './lrm/loop.ts'
import type { Watchdog } from './watchdog/watchdog.ts'

const agentVersion = '0.1.0'

// A bug must not leave a half-decided agent behind: it ends here, and the next one finds what runs by its marks.
process.on('uncaughtException', (error) => {
  process.stderr.write(`ha-agent: ${error.stack}\n`)
  process.exit(70)
})

/** Reads the command line, takes the locks, joins if need be, and runs until told to end. */
export async function runAgent(): Promise<void> {
  const read = readConfig(process.argv.slice(2), process.env)
  if ('fault' in read) return fail(`${read.fault}\n\n${usage}`, 2)
  const { config } = read
  mkdirSync(config.home, { recursive: true, mode: 0o700 })
  if (!(await lockHome(config.home))) return fail(`another agent runs with ${config.home}`)
  const random = systemRandom()
  const clock = systemClock()
  const watchdog = chooseWatchdog(config, clock)
  const simulatedBootId = config.simulated?.bootId ?? null
  const boot = describeBoot({ home: config.home, simulatedBootId, random })
  const identity = await identify(config, boot, watchdog, random)
  if (identity === null || config.command === 'join') return
  if (!(await lockNode(identity.nodeUid))) return fail(`another agent runs node ${identity.node}`)
  run(config, identity, boot, watchdog, { random, log: createLog(identity.node), clock })
}

/** This node's identity; joins if it has none. */
async function identify(config: Config, boot: Boot, watchdog: Watchdog, random: Random) {
  const known = readIdentity(config.home)
  if (known) return known
  const { node, joinToken, urls } = config
  if (node === null || joinToken === null || urls === null) {
    fail(`${config.home} has no identity: give --node, --join-token and --url to join`, 2)
    return null
  }
  const { hardwareId, bootId } = boot
  const request = { joinToken, node, hardwareId, bootId, ...factsOf(boot, watchdog, null) }
  const joined = await joinCluster(request, urls, random, createLog(node))
  if ('refused' in joined) {
    fail(`the plane refused the join: ${joined.refused}`)
    return null
  }
  writeIdentity(config.home, joined)
  createLog(node)('info', 'joined', { cluster: joined.cluster, nodeUid: joined.nodeUid })
  return joined
}

function factsOf(boot: Boot, watchdog: Watchdog, loop: Loop | null) {
  const { watchdogMs } = loop?.lrm.timing ?? profiles.default
  return {
    capacity: boot.capacity,
    watchdog: watchdog.info(watchdogMs),
    virtual: boot.virtual,
    drivers: ['process' as const],
    agentVersion,
  }
}

type Machine = { random: Random; log: Log; clock: ReturnType<typeof systemClock> }

function run(
  config: Config,
  identity: Identity,
  boot: Boot,
  watchdog: Watchdog,
  { random, log, clock }: Machine,
): void {
  const { clusterUuid, nodeUid, credential } = identity
  const { bootId, hardwareId } = boot
  const owner = { clusterUuid, nodeUid }
  const events: DriverEvents = {
    exited: (sid, generation, detail) => loop.tell({ kind: 'exited', sid, generation, detail }),
  }
  const driver = createProcessDriver({ home: config.home, owner, bootId, clock, events })
  const client = createControlPlaneClient({
    urls: config.urls ?? identity.urls,
    ...{ credential, random },
  })
  const journal = createJournalStore(config.home, bootId)
  const old = journal.read()
  const firstTiming = identity.timing ?? profiles.default
  const { watchdogMs } = old.journal?.timing ?? firstTiming
  const state = { info: watchdog.info(watchdogMs), factor: watchdog.factor }
  const lrm = resumeLrm({
    ...{ self: { clusterUuid, nodeUid, bootId, drivers: ['process'] }, nowMs: clock.bootMs() },
    ...{ journal: old.journal, note: old.note, firstTiming },
    watchdog: { ...state, running: watchdog.isRunning() },
  })
  const aboutNode = () => ({
    ...{ clusterUuid, nodeUid, bootId, hardwareId },
    ...factsOf(boot, watchdog, loop),
  })
  const exit = (code: number) => {
    loop.end()
    process.exit(code)
  }
  const deps = { clock, watchdog, drivers: [driver], journal, client, log, aboutNode, exit }
  const loop: Loop = createLoop({ clock, lrm, createEffects: (tell) => createEffects(deps, tell) })
  process.on('SIGTERM', () => loop.tell({ kind: 'signal', signal: 'restart' }))
  process.on('SIGINT', () => loop.tell({ kind: 'signal', signal: 'shutdown' }))
  log('info', 'agent begins', { version: agentVersion, bootId, watchdog: state.info })
  loop.begin()
}

function fail(why: string, code = 1): void {
  process.stderr.write(`ha-agent: ${why}\n`)
  process.exitCode = code
}
