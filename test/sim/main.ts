// npm run sim: one seed in detail, or many. Prints the fault rates first, and for a failure the one line that replays it.
// Many seeds are shared out to as many processes as there are processors.
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { commandLine, numberAbove, refuseWords } from '../command-line.ts'
import { ratesText } from './fault-rates.ts'
import { mutantNamed, mutants, whyNoMutant } from './mutants/all.ts'
import { huntAll } from './mutants/table.ts'
import { countsText, sumOf } from './tally.ts'
import { type Simulation, type SimulationOptions, simulate } from './simulator.ts'

const usage = `Usage: npm run sim -- [--seed N | --seeds N] [options]

  --seed N        one simulation, with its trace where it fails
  --seeds N       so many, after those of test/sim/regressions.txt (default: 100)
  --from N        the first of them (default: 1)
  --hours H       of faults, in each (default: 0.1, with --seed as the seed was found)
  --nodes N       (default: 3)     --services N   (default: 6)
  --replicas N    of the plane (default: drawn, one to three)
  --console       operators at a console only, who lose no answer and make no mistakes, and agents that read no start
                  gates: for seeds found that way
  --untimed       without the faults that wait for their moment: for seeds found before there were any
  --calm          no faults, no operators, default timing: how fast time passes when nothing happens
  --jobs N        processes (default: one for each processor)
  --trace         the whole trace of --seed, also where it holds
  --json          a summary for machines
  --counts        how often each fault has happened, and how often each check had something to judge
  --mutant NAME   the same seeds with a rule of the contract taken out: which of them catches it
  --mutants       all mutants, as npm run teeth does`

type Options = Omit<SimulationOptions, 'seed' | 'keepTrace'>

const { values } = commandLine(usage, {
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    hours: { type: 'string', default: '0.1' },
    nodes: { type: 'string', default: '3' },
    services: { type: 'string', default: '6' },
    replicas: { type: 'string' },
    calm: { type: 'boolean', default: false },
    console: { type: 'boolean', default: false },
    untimed: { type: 'boolean', default: false },
    jobs: { type: 'string' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    counts: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    child: { type: 'boolean', default: false },
  },
})

const options: Options = {
  hours: positive('hours', values.hours),
  nodes: positive('nodes', values.nodes),
  services: positive('services', values.services),
  calm: values.calm,
  console: values.console,
  untimed: values.untimed,
  ...(values.replicas && { replicas: positive('replicas', values.replicas) }),
}

if (values.child) work()
else if (values.mutants || values.mutant !== undefined) await hunt()
else if (values.seed !== undefined) await one(positive('seed', values.seed))
else await many(positive('seeds', values.seeds ?? '100'), positive('from', values.from))

function positive(name: string, text: string): number {
  return numberAbove(usage, 0, name, text)
}

function replay(task: Omit<SimulationOptions, 'keepTrace'>): string {
  const { seed, hours, nodes, services, replicas, calm } = task
  const flags = `${calm ? ' --calm' : ''}${task.console ? ' --console' : ''}${task.untimed ? ' --untimed' : ''}`
  const more = `${replicas ? ` --replicas ${replicas}` : ''}${flags}`
  return `npm run sim -- --seed ${seed} --hours ${hours} --nodes ${nodes} --services ${services}${more}`
}

async function one(seed: number): Promise<void> {
  if (!values.json) console.log(`seed ${seed}`)
  const done = await simulate({ ...options, seed, keepTrace: true })
  if (values.json) return console.log(JSON.stringify(summary([done], options)))
  console.log(`faults: ${ratesText(done.rates)}`)
  console.log(`timing: ${JSON.stringify(done.timing)}`)
  const isBroken = done.violations.length > 0
  if (isBroken || values.trace) console.log(done.trace.join('\n'))
  console.log(`${figures([done])}, trace ${done.hash}`)
  for (const violation of done.violations) console.log(`VIOLATION ${violation}`)
  if (isBroken) console.log(`\nreplay: ${replay({ ...options, seed })}`)
  process.exitCode = isBroken ? 1 : 0
}

async function hunt(): Promise<void> {
  const { mutant } = values
  if (mutant !== undefined && !mutants.some(({ name }) => name === mutant))
    refuseWords(usage, whyNoMutant(mutant))
  const chosen = values.mutant === undefined ? mutants : [mutantNamed(values.mutant)]
  const isWhole = await huntAll(chosen, {
    ...options,
    ...{ seeds: positive('seeds', values.seeds ?? '200'), from: positive('from', values.from) },
    jobs: wantedJobs(),
    json: values.json,
  })
  process.exitCode = isWhole ? 0 : 1
}

type Task = Omit<SimulationOptions, 'keepTrace'>

async function many(count: number, from: number): Promise<void> {
  const startedMs = performance.now()
  // Found seeds are about faults.
  const tasks: Task[] = options.calm ? [] : regressions()
  for (let seed = from; seed < from + count; seed++) tasks.push({ ...options, seed })
  const done = await shareOut(tasks)
  const seconds = (performance.now() - startedMs) / 1000
  if (values.counts) console.log(countsText(sumOf(done.map(({ counts }) => counts))))
  if (values.json) console.log(JSON.stringify({ ...summary(done, options), seconds }))
  else console.log(`${figures(done)} in ${seconds.toFixed(1)} s`)
  process.exitCode = done.some(({ violations }) => violations.length > 0) ? 1 : 0
}

/** Found seeds: one replay's arguments a line, and after # what it found. */
function regressions(): Task[] {
  const text = readFileSync(new URL('regressions.txt', import.meta.url), 'utf8')
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter(Boolean)
    .map((line) => {
      const given = Object.fromEntries(
        [...line.matchAll(/--(\w+) ([\d.]+)/g)].map(([, name, value]) => [name, Number(value)]),
      )
      const flags = { console: line.includes('--console'), untimed: line.includes('--untimed') }
      return { ...options, ...flags, ...given } as Task
    })
}

function wantedJobs(): number {
  return positive('jobs', values.jobs ?? String(availableParallelism()))
}

function shareOut(tasks: Task[]): Promise<Simulation[]> {
  const jobs = Math.min(wantedJobs(), tasks.length)
  const done: Simulation[] = []
  let next = 0
  const child = () =>
    new Promise<void>((resolve, reject) => {
      const worker = fork(new URL(import.meta.url), ['--child'])
      const give = () => {
        const task = tasks[next++]
        if (task) worker.send(task)
        else worker.disconnect()
      }
      worker.on('message', (message) => {
        const simulation = message as Simulation & { task: Task }
        done.push(simulation)
        tell(simulation)
        give()
      })
      worker.once('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`)),
      )
      give()
    })
  return Promise.all(Array.from({ length: jobs }, child)).then(() => done)
}

function tell({ violations, rates, task }: Simulation & { task: Task }): void {
  if (violations.length === 0 || values.json) return
  console.log(
    `seed ${task.seed}: ${violations[0]}\n  faults: ${ratesText(rates)}\n  replay: ${replay(task)}`,
  )
}

/** A worker: simulates what it is sent until nothing more comes. */
function work(): void {
  process.on('message', (message) => {
    const task = message as Task
    simulate(task).then(
      (done) => process.send?.({ ...done, trace: [], task }),
      (error: unknown) => {
        console.error(`seed ${task.seed}:`, error)
        process.exit(1)
      },
    )
  })
}

function figures(done: Simulation[]): string {
  const { events, hours, hoursPerMinute, broken } = totals(done)
  const speed = `${hours.toFixed(1)} virtual hours (${hoursPerMinute.toFixed(0)} a processor minute)`
  return `${done.length} simulations, ${events} events, ${speed}, ${broken} with violations`
}

function totals(done: Simulation[]) {
  const hours = done.reduce((sum, { virtualMs }) => sum + virtualMs, 0) / 3_600_000
  const events = done.reduce((sum, one) => sum + one.events, 0)
  const minutes = done.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / 60_000
  return {
    events,
    hours,
    hoursPerMinute: hours / minutes,
    broken: done.filter(({ violations }) => violations.length > 0).length,
  }
}

function summary(done: Simulation[], { nodes, services }: Options) {
  const { events, hours, hoursPerMinute } = totals(done)
  const violations = done.flatMap(({ seed, violations: found }) =>
    found.map((what) => ({ seed, what })),
  )
  return {
    seeds: done.length,
    nodes,
    services,
    events,
    virtualHours: hours,
    hoursPerMinute,
    violations,
  }
}
