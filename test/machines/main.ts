// npm run test:machines: real kernels under a real (emulated) watchdog, one trouble after the other; prints a table of times. What others
// would start comes last, on machines with a whole Debian.
import { profiles } from '../../shared/timing.ts'
import { commandLine } from '../command-line.ts'
import { type Autostarted, autostart, debianLab } from './debian/autostart.ts'
import { whyNoDebian } from './debian/image.ts'
import { type Drilled, drillOne } from './drill.ts'
import { emulated, Lab } from './lab.ts'
import { type Paused, pauseAndContinue } from './pause.ts'
import { whyNoMachines } from './requirements.ts'
import { type Measured, runTrouble, seconds, troubles } from './scenarios.ts'

const pause = 'paused and continued'
const drill = 'drill'
const others = 'set to autostart'
const usage = `Usage: npm run test:machines -- [options] [SCENARIO…]

  SCENARIO        the beginning of its name; all without one
                  (${troubles.map(({ name }) => name).join(', ')}, ${drill}, ${pause}, ${others})
  --profile NAME  edge, default or fast (default: one made for this, a lease of ${emulated.leaseMs / 1000} s)`

const { values, positionals } = commandLine(usage, {
  allowPositionals: true,
  options: { profile: { type: 'string' } },
})
const profile = Object.entries(profiles).find(([name]) => name === values.profile)?.[1]
const isChosen = (name: string) =>
  positionals.length === 0 || positionals.some((given) => name.startsWith(given))
const chosen = troubles.filter(({ name }) => isChosen(name))
const whyNot = whyNoMachines()

if (
  (chosen.length === 0 && ![drill, pause, others].some(isChosen)) ||
  (values.profile !== undefined && !profile)
) {
  console.log(usage)
  process.exitCode = 2
} else if (whyNot !== null) {
  console.error(`no machines here: ${whyNot}`)
  process.exitCode = 2
} else {
  if (chosen.length > 0 || isChosen(drill) || isChosen(pause)) await runTroubles()
  if (isChosen(others)) await runAutostart()
}

async function runTroubles(): Promise<void> {
  const lab = new Lab({ timing: profile ?? emulated, onLeaseLoss: 'reset' })
  const all: Measured[] = []
  let drilled: Drilled | null = null
  let paused: Paused | null = null
  await inLab(lab, async () => {
    for (const name of ['one', 'two', 'three']) await lab.addService(name)
    for (const trouble of chosen) {
      all.push(await runTrouble(lab, trouble))
      console.log(`${trouble.name}: done`)
    }
    if (isChosen(drill)) drilled = await drillOne(lab)
    if (isChosen(pause)) paused = await pauseAndContinue(lab)
  })
  if (all.length > 0) print(all)
  if (drilled) printDrilled(drilled)
  if (paused) printPaused(paused)
}

async function runAutostart(): Promise<void> {
  const missing = whyNoDebian()
  if (missing !== null) {
    console.error(`${others}: skipped: ${missing}`)
    return
  }
  const machines = debianLab(profile ?? profiles.default)
  await inLab(machines.lab, async () => printAutostarted(await autostart(machines)))
}

async function inLab(lab: Lab, run: () => Promise<void>): Promise<void> {
  const end = () => void lab.end().then(() => process.exit(1))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  try {
    const startMs = performance.now()
    await lab.start()
    console.log(`three machines online after ${seconds(performance.now() - startMs)} s`)
    await run()
  } catch (error) {
    lab.showLogs()
    console.error(error)
    process.exitCode = 1
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
    await lab.end()
  }
}

function print(all: Measured[]): void {
  console.table(
    all.map((one) => ({
      scenario: one.scenario,
      services: one.services,
      'reset, s': seconds(one.resetMs),
      model: one.expectedReset,
      lives: one.lives,
      'last word': seconds(one.lastWordMs),
      'proof, s': seconds(one.proofMs),
      'model ': one.expectedProof,
      'restart, s': seconds(one.restartMs),
      where: one.where,
      booted: seconds(one.bootMs),
      bootstatus: one.bootstatus,
      rejoined: seconds(one.rejoinMs),
      evidence: one.evidence,
    })),
  )
}

function printDrilled(one: Drilled): void {
  const most = one.livedAtMostMs === null ? 'not known' : `${seconds(one.livedAtMostMs)} s`
  console.log(
    `${drill}: ${one.services} services moved away and the watchdog fired after ${seconds(one.firedMs)} s; alive after the ` +
      `last feed for at least ${seconds(one.livedAtLeastMs)} s, at most ${most}, W counts ${seconds(one.effectiveMs)} s; away ` +
      `for ${seconds(one.awayMs)} s, used again ${seconds(one.backMs)} s after the reset. ${one.reason}`,
  )
}

function printPaused(paused: Paused): void {
  console.log(
    `${pause} (the documented limit, rule 13): frozen with its watchdog for ${seconds(paused.pausedMs)} s; ` +
      `its services (${paused.services}) ran elsewhere after ${seconds(paused.restartMs)} s; once it went on there were two ` +
      `copies for ${Math.round(paused.twoCopiesMs)} ms; ${paused.wasReset ? 'reset by its watchdog' : 'not reset'}; ` +
      `in a new epoch after ${seconds(paused.rejoinMs)} s`,
  )
}

function printAutostarted(one: Autostarted): void {
  console.log(
    `${others}: reset after ${seconds(one.resetMs)} s, up again after ${seconds(one.bootMs)} s (bootstatus ${one.bootstatus}) and cut ` +
      `off still: unit and domain there ${one.found}; both run elsewhere, once, after ${seconds(one.restartMs)} s; back in a new epoch ` +
      `${seconds(one.rejoinMs)} s after the cable, and there ${one.foundAfter}`,
  )
}
