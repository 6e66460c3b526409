// Hunts one mutant: its directed schedule, or one seed after the other, in a process of its own that has the mutant in it.
import { type ChildProcess, fork } from 'node:child_process'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Played, Task } from './child.ts'
import type { Mutant, Part } from './mutant.ts'

export type Caught = {
  mutant: string
  /** `seed 7`, or `schedule S12`; null: it survived. */
  by: string | null
  check: string
  events: number
  seconds: number
}

export type SeedOptions = {
  from: number
  seeds: number
  hours: number
  nodes: number
  services: number
}

/** A process with `part` of a mutant in it. */
function startChild(mutant: Mutant, part: Part): ChildProcess {
  return fork(new URL('child.ts', import.meta.url), [], {
    execArgv: ['--import', new URL('apply.ts', import.meta.url).href],
    env: {
      ...process.env,
      HOLDFAST_MUTANT: mutant.name,
      HOLDFAST_MUTANT_PART: part,
      // Keyed by the source itself: what no mutant changes is stripped and compiled once for all of them.
      NODE_COMPILE_CACHE: path.join(tmpdir(), 'holdfast-compiled'),
    },
  })
}

function play(child: ChildProcess, task: Task): Promise<Played> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`the child ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as Played)
    })
    child.send(task)
  })
}

/** Plays `tasks` one after the other, until the world says no. */
async function hunt(mutant: Mutant, part: Part, tasks: Iterable<Task>): Promise<Caught> {
  const startedMs = performance.now()
  const child = startChild(mutant, part)
  const caught: Caught = { mutant: mutant.name, by: null, check: '', events: 0, seconds: 0 }
  try {
    for (const task of tasks) {
      const { violations, events } = await play(child, task)
      caught.events += events
      if (violations.length === 0) continue
      caught.by = task.kind === 'seed' ? `seed ${task.seed}` : `schedule ${task.name}`
      caught.check = violations[0]!
      break
    }
  } finally {
    if (child.connected) child.disconnect()
  }
  caught.seconds = (performance.now() - startedMs) / 1000
  return caught
}

export function huntBySeeds(mutant: Mutant, options: SeedOptions): Promise<Caught> {
  const { from, seeds, hours, nodes, services } = options
  const tasks = Array.from({ length: seeds }, (_, at) => ({
    ...{ kind: 'seed' as const, seed: from + at, hours, nodes, services },
  }))
  return hunt(mutant, 'all', tasks)
}

/** @param part `behind`: the same world with the rule kept, which must hold */
export function huntBySchedule(mutant: Mutant, part: Part = 'all'): Promise<Caught> {
  if (!mutant.schedule) throw new Error(`${mutant.name} has no schedule`)
  return hunt(mutant, part, [{ kind: 'schedule', name: mutant.schedule }])
}
