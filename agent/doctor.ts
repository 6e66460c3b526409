// `ha-agent doctor`: looks at what a node needs, and says what to do where something is missing. Changes nothing, and above
// all opens no watchdog: that would start its countdown.
import { accessSync, constants, readFileSync, statfsSync, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import { profiles, type Timing } from '../shared/timing.ts'
import type { Config } from './config.ts'
import { hostDrivers, isInstalled } from './drivers/host-drivers.ts'
import { enabledFor, enabledUnits } from './drivers/ocf/enabled-units.ts'
import { runCommand } from './drivers/run-command.ts'
import { createTransport } from './http-transport.ts'
import { readIdentity } from './identity.ts'
import { readManaged, readTiming } from './lrm/journal.ts'
import type { OutsideClock } from './outside-clock/outside-clock.ts'
import { infoUnder } from './watchdog/info-under.ts'
import type { Watchdog } from './watchdog/watchdog.ts'

/** `fail`: no service can be kept here. `warn`: less than there could be. */
export type Finding = {
  about: 'identity' | 'plane' | 'clock' | 'watchdog' | 'drivers' | 'host'
  level: 'ok' | 'warn' | 'fail'
  found: string
  /** What to do about it. */
  advice?: string
}

export type Patient = {
  config: Config
  isVirtual: boolean
  watchdog: Watchdog
  /** Of a virtual machine: the clock by which it sees that it was frozen; null: none. */
  outside: OutsideClock | null
  clock: Clock
}

const planePatienceMs = 5_000
/** More than this between the plane's clock and this one's confuses whoever reads logs; no lease is judged by it. */
const clockToleranceMs = 2_000
const tmpfs = 0x01021994
const ramfs = 0x858458f6

export async function examine(patient: Patient): Promise<Finding[]> {
  const identity = identityOf(patient.config)
  const urls = patient.config.urls ?? identity.urls
  return [
    ...identity.findings,
    ...(await Promise.all(urls.map((url) => lookAtPlane(url, identity.pin, patient.clock)))).flat(),
    ...(await lookAtClock()),
    ...(await lookAtWatchdog(patient)),
    ...lookAtDrivers(patient.config),
    ...(await lookAtResources(patient.config)),
    ...lookAtHost(patient),
  ]
}

export function describeFindings(findings: Finding[]): string {
  const lines = findings.map(({ level, about, found, advice }) => {
    const line = `${level.padEnd(5)}${about.padEnd(10)}${found}`
    return advice === undefined ? line : `${line}\n${' '.repeat(15)}→ ${advice}`
  })
  return `${lines.join('\n')}\n`
}

type Identified = { findings: Finding[]; urls: string[]; pin: string | null }

function identityOf({ home, pin }: Config): Identified {
  const about = 'identity' as const
  try {
    const known = readIdentity(home)
    if (known) {
      const found = `node ${known.node} of cluster ${known.cluster}`
      return {
        findings: [{ about, level: 'ok', found }],
        urls: known.urls,
        pin: pin ?? known.pin ?? null,
      }
    }
    const advice =
      'ha-agent join --url URL --node NAME --token TOKEN (ha-manager join-token create makes one)'
    return { findings: [{ about, level: 'fail', found: 'not joined', advice }], urls: [], pin }
  } catch (error) {
    const advice = `restore ${home}/identity.json, or remove it and join under another name`
    const found = (error as Error).message
    return { findings: [{ about, level: 'fail', found, advice }], urls: [], pin }
  }
}

async function lookAtPlane(url: string, pin: string | null, clock: Clock): Promise<Finding[]> {
  const transport = createTransport(null, pin)
  const startedMs = clock.bootMs()
  try {
    const cancel = new AbortController().signal
    const { status, date } = await transport.get(`${url}/readyz`, planePatienceMs, cancel)
    const tookMs = Math.round(clock.bootMs() - startedMs)
    const findings: Finding[] = [
      status === 200
        ? { about: 'plane', level: 'ok', found: `${url} answers within ${tookMs} ms` }
        : {
            ...{ about: 'plane', level: 'warn', found: `${url} answers ${status} to /readyz` },
            advice: 'look at that replica’s log: most likely its database is away',
          },
    ]
    const offMs = date === undefined ? 0 : Math.abs(Date.parse(date) + 500 - clock.wallMs())
    if (offMs > clockToleranceMs)
      findings.push({
        ...{ about: 'clock', level: 'warn', found: `${Math.round(offMs / 1000)} s from ${url}’s` },
        advice: 'let both follow a time server (timedatectl set-ntp true)',
      })
    return findings
  } catch (error) {
    const found = `${url}: ${(error as Error).message}`
    const advice = 'check name, route, proxy and firewall: a node needs outbound HTTP(S) to a plane'
    return [{ about: 'plane', level: 'fail', found, advice }]
  } finally {
    await transport.close()
  }
}

async function lookAtClock(): Promise<Finding[]> {
  if (!isInstalled('timedatectl')) return []
  const shown = await runCommand('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
    timeoutMs: planePatienceMs,
  })
  if (shown.code !== 0) return []
  if (shown.stdout.trim() === 'yes')
    return [{ about: 'clock', level: 'ok', found: 'follows a time server' }]
  const advice = 'timedatectl set-ntp true'
  return [{ about: 'clock', level: 'warn', found: 'follows no time server', advice }]
}

async function lookAtWatchdog({ config, watchdog }: Patient): Promise<Finding[]> {
  const about = 'watchdog' as const
  const timing = readTiming(config.home) ?? knownTiming(config.home) ?? profiles.default
  // Also where it counts now: nothing more is started under it.
  const still = { info: (ms: number) => watchdog.info(ms), isRunning: () => false }
  const info = infoUnder(still, timing)
  const alone = watchdog.info(timing.watchdogMs)
  if (info.class === 'none') {
    const devices = ['/dev/watchdog0', '/dev/watchdog1'].filter((path) => existsSync(path))
    if (alone.class !== 'none') {
      const advice =
        'a longer lease (ha-manager settings set --lease DURATION), or another device; a drill that the machine was frozen in is forgotten with drill.json'
      return [{ about, level: 'fail', found: `${info.note}`, advice }]
    }
    const advice = info.note?.includes(' is held by ')
      ? 'see above: then this node can protect within seconds, and needs no restart'
      : devices[0]
        ? `--watchdog ${devices[0]} (HA_AGENT_OPTIONS in /etc/holdfast/agent.env)`
        : 'load the driver of this machine’s watchdog (iTCO_wdt, sp5100_tco, ipmi_watchdog; softdog is class weak)'
    return [{ about, level: 'fail', found: `none: ${info.note ?? info.identity}`, advice }]
  }
  const findings: Finding[] = []
  const level = info.class === 'weak' ? 'warn' : 'ok'
  const note = info.note ? ` (${info.note})` : ''
  findings.push({
    about,
    level,
    found: `${config.watchdog}: ${info.identity}, ${info.class}${note}`,
  })
  const owner = await otherOwner()
  if (owner !== null && info.class !== 'simulated')
    findings.push({
      ...{ about, level: 'fail', found: `systemd is set to use a watchdog itself: ${owner}` },
      advice: 'set it to 0 in /etc/systemd/system.conf, then systemctl daemon-reexec',
    })
  return findings
}

/** That of its cluster at the join. */
function knownTiming(home: string): Timing | null {
  try {
    return readIdentity(home)?.timing ?? null
  } catch {
    return null // said of the identity already
  }
}

/** systemd's own use of the device would feed it for us, or open it first. */
async function otherOwner(): Promise<string | null> {
  if (!isInstalled('systemctl') || !existsSync('/run/systemd/system')) return null
  const { stdout } = await runCommand('systemctl', ['show', '--property=RuntimeWatchdogUSec'], {
    timeoutMs: planePatienceMs,
  })
  const value = stdout.trim()
  return value === '' || /=(0|infinity)$/.test(value) ? null : value
}

function lookAtDrivers({ drivers }: Config): Finding[] {
  return hostDrivers.map((driver): Finding => {
    const { type } = driver
    const about = 'drivers' as const
    const why = driver.whyNot()
    if (why === null) return { about, level: 'ok', found: type }
    const found = `${type}: ${why}`
    if (!drivers?.includes(type)) return { about, level: 'ok', found: `no ${found}` }
    return { about, level: 'fail', found, advice: `install it, or leave ${type} out of --drivers` }
  })
}

/** What resource agents run has no start gate: an enabled unit of it starts it at boot, whoever holds its grant (S8). */
async function lookAtResources({ home }: Config): Promise<Finding[]> {
  const { services } = readManaged(home) ?? { services: [] }
  return enabledFor(services, await enabledUnits()).map(({ sid, agent, unit }) => ({
    ...{ about: 'drivers', level: 'warn' },
    found: `${unit} is enabled here, and ${sid} runs ${agent}: the machine may start a copy of it at boot`,
    advice: `if that is what it runs: systemctl disable --now ${unit}, on every node`,
  }))
}

function lookAtHost({ config, isVirtual, outside }: Patient): Finding[] {
  const findings: Finding[] = []
  const about = 'host' as const
  if (isVirtual && outside === null)
    findings.push({
      ...{ about, level: 'warn', found: 'no clock of the hypervisor under /sys/class/rtc' },
      advice:
        'give this virtual machine an RTC that follows its host (QEMU: -rtc clock=host): without one it does not see that it was frozen',
    })
  if (isVirtual)
    findings.push({
      ...{ about, level: 'warn', found: frozenWith(outside) },
      advice:
        'give it a fence device that switches it off (ha-manager fence-device add), trust its watchdog (trustVirtualWatchdog), or stand by for ha-manager fence confirm',
    })
  const run = nearest(config.runDirectory)
  const { type } = statfsSync(run)
  if (type !== tmpfs && type !== ramfs)
    findings.push({
      ...{ about, level: 'fail', found: `${config.runDirectory} outlives a reboot` },
      advice: '--run must be on a tmpfs: grants of services must not be there after a reboot',
    })
  const cgroup = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))
  if (cgroup === null || !isWritable('/sys/fs/cgroup'))
    findings.push({
      ...{ about, level: 'warn', found: 'no cgroup (v2) that could be written to' },
      advice: 'run the agent by its unit (Delegate=yes), on a system with cgroup v2',
    })
  return findings
}

function frozenWith(outside: OutsideClock | null): string {
  const seen = outside ? `, which it sees by ${outside.name} once it goes on` : ''
  return `a virtual machine: it can be frozen with its watchdog${seen}`
}

function nearest(path: string): string {
  return existsSync(path) || path === '/' ? path : nearest(dirname(path))
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
