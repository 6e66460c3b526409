// The settings of a cluster, and the two numbers every timing decides.
import { type Command, Option } from 'commander'
import type { z } from 'zod'
import type { SettingsBody } from '../../../shared/operator-api.ts'
import { formatDuration, parseDurationMs } from '../duration.ts'
import { usage } from '../failure.ts'
import { type Session, withPlane } from '../session.ts'
import { configuresScheduling, schedulingLines, schedulingWishes } from './settings-scheduling.ts'

type Settings = z.infer<typeof SettingsBody>
type Flags = Record<string, string | undefined>

/** Each timing as an option: `watchdogMs` is `--watchdog 10s`. */
const timings = {
  watchdog: 'W: the watchdog timeout',
  renew: 'how often a node renews its lease',
  requestTimeout: 'how long one renewal may take',
  lease: 'L: how long a lease lasts',
  margin: 'δ: transit and input/output already handed out',
  silent: 'silence after which a node counts as unknown',
  settle: 'how long placement waits after an outage',
  stopTimeout: 'how long a stop may take before the service is killed',
  stable: 'how long a start must hold to count as a success',
} as const

/** Adds settings and settings set. */
export function addSettings(program: Command): void {
  const settings = program
    .command('settings')
    .description('the settings of the cluster')
    .action(
      withPlane(async (session) => {
        const body = await session.plane.get<Settings>(await session.path('/settings'))
        session.print(body, () => formatSettings(body))
      }),
    )
  const set = settings
    .command('set')
    .description('change settings; what would be unsound or lose quorum now is refused')
    .addOption(
      new Option('--profile <profile>', 'all timings at once').choices(['edge', 'default', 'fast']),
    )
    .addOption(
      new Option('--quorum <policy>', 'what it takes to grant').choices(['plane', 'majority']),
    )
    .addOption(
      new Option('--database <kind>', 'what is declared of the database').choices([
        'single',
        'synchronous',
        'fenced-async',
      ]),
    )
    .addOption(
      new Option(
        '--shutdown-policy <policy>',
        'what becomes of services when their machine goes down',
      ).choices(['conditional', 'freeze', 'failover', 'migrate']),
    )
    .addOption(
      new Option('--on-lease-loss <way>', 'stop services, or leave it to the watchdog').choices([
        'gentle',
        'reset',
      ]),
    )
    .addOption(
      new Option(
        '--trust-virtual-watchdog <yes|no>',
        'count a watchdog inside a virtual machine as proof',
      ).choices(['yes', 'no']),
    )
    .option(
      '--fence-delay <duration>',
      'silence after which a node with a fence device is switched off; auto: twice the silence',
    )
    .addOption(
      new Option(
        '--after-fence <policy>',
        'what becomes of a node that its fence device has switched off',
      ).choices(['leave-off', 'power-on']),
    )
    .option('--max-workers <n>', 'how many services a node starts or stops at once')
    .option('--drill-every-days <n>', 'days after which a watchdog is due for a drill; 0: never')
  for (const [name, description] of Object.entries(timings))
    set.option(
      `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <duration>`,
      description,
    )
  configuresScheduling(set)
  set.action(withPlane<Flags>(change))
}

async function change(session: Session, _: string[], flags: Flags): Promise<void> {
  const body = wishes(flags)
  if (Object.keys(body).length === 0)
    throw usage('nothing to change was given', {
      advice: 'ha-manager settings set --help lists the options.',
    })
  const path = await session.path('/settings')
  const { version } = await session.plane.get<Settings>(path)
  const answer = await session.plane.patch<Settings>(path, {
    body,
    ifMatch: version,
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () => (session.dryRun ? wouldBe(answer) : formatSettings(answer)))
}

/** A setting's effect on the two numbers is shown before it is made, too. */
function wouldBe(answer: unknown): string {
  const { would } = answer as { would: { body: Settings } }
  return `Nothing was changed. The settings would be:\n${formatSettings(would.body)}`
}

function wishes(flags: Flags): Record<string, unknown> {
  const timing: Record<string, number> = {}
  for (const name of Object.keys(timings)) {
    const text = flags[name]
    if (text !== undefined) timing[`${name}Ms`] = parseDurationMs(text, `--${name}`)
  }
  const workers = flags.maxWorkers
  if (workers !== undefined && !/^\d{1,3}$/.test(workers))
    throw usage(`--max-workers must be a whole number, not ${JSON.stringify(workers)}`)
  const days = flags.drillEveryDays
  if (days !== undefined && !/^\d{1,4}$/.test(days))
    throw usage(`--drill-every-days must be a whole number of days, not ${JSON.stringify(days)}`)
  return {
    ...(days === undefined ? {} : { drillEveryDays: Number(days) }),
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    ...(Object.keys(timing).length === 0 ? {} : { timing }),
    ...(flags.quorum === undefined ? {} : { quorum: flags.quorum }),
    ...(flags.database === undefined ? {} : { database: flags.database }),
    ...(flags.shutdownPolicy === undefined ? {} : { shutdownPolicy: flags.shutdownPolicy }),
    ...(flags.onLeaseLoss === undefined ? {} : { onLeaseLoss: flags.onLeaseLoss }),
    ...(workers === undefined ? {} : { maxWorkers: Number(workers) }),
    ...(flags.trustVirtualWatchdog === undefined
      ? {}
      : { trustVirtualWatchdog: flags.trustVirtualWatchdog === 'yes' }),
    ...(flags.afterFence === undefined ? {} : { afterFence: flags.afterFence }),
    ...(flags.fenceDelay === undefined ? {} : { fenceDelayMs: fenceDelay(flags.fenceDelay) }),
    ...schedulingWishes(flags),
  }
}

function fenceDelay(text: string): number | null {
  return text === 'auto' ? null : parseDurationMs(text, '--fence-delay')
}

/** Settings, then what they mean for an outage and for a dead node, then the warnings. */
export function formatSettings({
  settings,
  version,
  outageSurvivedMs,
  powerLossToStartMs,
  warnings,
}: Settings): string {
  const lines: [string, string][] = [
    ['profile', settings.profile],
    ['quorum', settings.quorum],
    ['database', settings.database],
    ['max workers', String(settings.maxWorkers)],
    ['on lease loss', settings.onLeaseLoss],
    ['shutdown policy', settings.shutdownPolicy],
    ['trust virtual watchdog', settings.trustVirtualWatchdog ? 'yes' : 'no'],
    [
      'fence delay',
      settings.fenceDelayMs === null ? 'twice the silence' : formatDuration(settings.fenceDelayMs),
    ],
    ['drill every', settings.drillEveryDays === 0 ? 'never' : `${settings.drillEveryDays} days`],
    ['after fence', settings.afterFence],
    ...schedulingLines(settings),
    ...Object.entries(settings.timing).map(([name, ms]): [string, string] => [
      name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      formatDuration(ms),
    ]),
    ['version', String(version)],
  ]
  return [
    ...lines.map(([key, value]) => `${key.padEnd(22)}  ${value}`),
    '',
    `An outage of the plane is survived for certain up to ${formatDuration(outageSurvivedMs)}.`,
    `The services of a node that loses power start elsewhere after about ${formatDuration(powerLossToStartMs)}.`,
    ...warnings.map((warning) => `Warning: ${warning}`),
  ].join('\n')
}
