// `npm run bench`: measures what the design promises in numbers, on a real Postgres with fsync on, real replicas and real
// HTTP. Options: --json (one object), --only NAME (may be repeated), --quick (fewer runs, for a first look).
// A missed target is no failure of the command: the exit code says only whether everything could be measured.
import { commandLine } from '../command-line.ts'
import { type Server, startServer } from './bed/bed.ts'
import { decideBench } from './benches/decide.ts'
import { enableBench } from './benches/enable.ts'
import { feedPressureBench } from './benches/feed-pressure.ts'
import { fenceBench } from './benches/fence.ts'
import { memoryBench } from './benches/memory.ts'
import { pollsBench } from './benches/polls.ts'
import { renewalsBench } from './benches/renewals.ts'
import { roundBench } from './benches/round.ts'
import { takeoverBench } from './benches/takeover.ts'
import { type Figure, figure, type Measured } from './figure.ts'
import { describeMachine, type Machine } from './machine.ts'
import { figureLines, machineLine } from './print.ts'

/** `quick`: so few runs that a p99 is no more than the slowest of them. */
export type Bench = (server: Server, quick: boolean) => Promise<Measured[]>

const benches: Record<string, [title: string, run: Bench]> = {
  enable: ['enable accepted → service process spawned, on an idle node', enableBench],
  fence: ['fence deadline → start order at the new agent', fenceBench],
  renewals: ['lease renewals of one replica', renewalsBench],
  polls: ['2,000 parked long polls on one replica', pollsBench],
  memory: ['memory of an idle agent, and of a plane with 1,000 nodes', memoryBench],
  takeover: ['the CRM’s replica is killed or hangs → next round by another', takeoverBench],
  round: ['a whole round of the CRM with its database', roundBench],
  decide: ['decide, in process', decideBench],
  'feed-pressure': ['how late an agent’s feeds are on a busy node', feedPressureBench],
}

/** It loads the machine on purpose, and for long: `--only` alone brings it. */
const onlyAsked = ['feed-pressure']

type Failure = { bench: string; error: string }

const usage = `Usage: npm run bench -- [options]

  --only NAME     this one; may be repeated (${Object.keys(benches).join(', ')};
                  without it all but ${onlyAsked.join(', ')})
  --quick         fewer runs, for a first look
  --json          one object`

async function main() {
  const { values } = commandLine(usage, {
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
    },
  })
  const names = values.only ?? Object.keys(benches).filter((name) => !onlyAsked.includes(name))
  const unknown = names.filter((name) => !benches[name])
  if (unknown.length > 0) {
    console.error(`no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}`)
    process.exit(2)
  }
  const say = values.json ? () => {} : (line: string) => console.log(line)
  const server = await startServer()
  // Replicas and nodes end with this process; Postgres and the folder must be seen to.
  process.once('SIGINT', () => void server.stop().finally(() => process.exit(130)))
  process.once('SIGTERM', () => void server.stop().finally(() => process.exit(143)))
  try {
    const machine = describeMachine(server.dir, server.version)
    say(machineLine(machine))
    const { figures, failures } = await runAll(server, names, values.quick, say)
    if (values.json)
      console.log(JSON.stringify({ machine, quick: values.quick, figures, failures }))
    else summarize(figures, failures, machine)
    process.exitCode = failures.length > 0 ? 1 : 0
  } finally {
    await server.stop()
  }
}

async function runAll(
  server: Server,
  names: string[],
  quick: boolean,
  say: (line: string) => void,
): Promise<{ figures: Figure[]; failures: Failure[] }> {
  const figures: Figure[] = []
  const failures: Failure[] = []
  for (const name of names) {
    const [title, run] = benches[name] as [string, Bench]
    const startedMs = performance.now()
    say(`\n${name}: ${title}`)
    try {
      const measured = (await run(server, quick)).map((one) => figure(name, one))
      figures.push(...measured)
      say(figureLines(measured))
    } catch (error) {
      failures.push({ bench: name, error: (error as Error).message })
      say(`  not measured: ${(error as Error).stack}`)
    }
    say(`  (${((performance.now() - startedMs) / 1000).toFixed(0)} s)`)
  }
  return { figures, failures }
}

function summarize(figures: Figure[], failures: Failure[], machine: Machine) {
  const judged = figures.filter(({ verdict }) => verdict !== null)
  const missed = judged.filter(({ verdict }) => verdict === 'missed')
  console.log(`\n${judged.length - missed.length} of ${judged.length} targets met`)
  for (const { bench, what } of missed) console.log(`  missed: ${bench}: ${what}`)
  for (const { bench } of failures) console.log(`  not measured: ${bench}`)
  if (machine.loadBefore > 0.5 * machine.cores)
    console.log('  the machine was busy before: repeat this on an idle one')
}

await main()
process.exit()
