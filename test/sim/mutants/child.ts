// A process with a mutant in it (apply.ts): plays what it is sent, and answers what the world's checks said.
import { simulate } from '../simulator.ts'
import { scheduleNamed } from './schedules.ts'

export type Task =
  | { kind: 'seed'; seed: number; hours: number; nodes: number; services: number }
  | { kind: 'schedule'; name: string }

export type Played = { violations: string[]; events: number }

async function play(task: Task): Promise<Played> {
  if (task.kind === 'seed') {
    const { violations, events } = await simulate(task)
    return { violations, events }
  }
  const world = await scheduleNamed(task.name).play()
  const violations = world.checks.violations.map(
    ({ atMs, what }) => `${(atMs / 1000).toFixed(3)} ${what}`,
  )
  return { violations, events: world.scheduler.count }
}

process.on('message', (task: Task) => {
  play(task).then(
    (played) => process.send?.(played),
    (error: unknown) => {
      console.error(task, error)
      process.exit(1)
    },
  )
})

// Whoever hunts is gone.
process.on('disconnect', () => process.exit())
