// The event loop alone is real-time: neither other threads of the agent nor what it starts.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { raisePriority } from '../../agent/priority.ts'

const policyOf = (id: number | string) =>
  /policy: (\S+)/.exec(execFileSync('chrt', ['--pid', `${id}`], { encoding: 'utf8' }))?.[1]

/** As root, and where the kernel gives real-time at all. */
function whyNot(): string | null {
  const child = spawn('sleep', ['60'])
  try {
    execFileSync('chrt', ['--reset-on-fork', '--rr', '--pid', '1', `${child.pid}`], {
      stdio: 'pipe',
    })
    return null
  } catch (error) {
    return (error as Error).message.split('\n')[1] ?? 'no chrt'
  } finally {
    child.kill('SIGKILL')
  }
}

const why = whyNot()
const skipped = why === null ? '' : ` (skipped: ${why})`

test.skipIf(why !== null)(
  `the first thread becomes real-time, and no other thread or child does${skipped}`,
  async () => {
    const script = `
      const { spawn } = require('node:child_process')
      require('node:readline').createInterface({ input: process.stdin }).on('line', () => {
        // Its thread pool begins only now, and so does a child.
        require('node:fs').stat('/', () => console.log(spawn('sleep', ['60']).pid))
      })
      console.log('up')`
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: parent.stdout })
    try {
      await once(lines, 'line')
      expect(await raisePriority(parent.pid ?? 0)).toBeNull()
      parent.stdin.write('go\n')
      const [child] = (await once(lines, 'line')) as [string]
      expect(policyOf(parent.pid ?? 0)).toBe('SCHED_RR|SCHED_RESET_ON_FORK')
      const others = readdirSync(`/proc/${parent.pid}/task`).filter((id) => id !== `${parent.pid}`)
      expect(others.length).toBeGreaterThan(3)
      for (const id of [...others, child]) expect(policyOf(id)).toBe('SCHED_OTHER')
      process.kill(Number(child), 'SIGKILL')
    } finally {
      parent.kill('SIGKILL')
    }
  },
)

test('where it cannot be done, the reason is told', async () => {
  expect(await raisePriority(2 ** 22 + 1)).toContain('No such process')
})
