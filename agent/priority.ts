// The event loop's place on a busy processor: real-time, so that whoever computes all day does not delay a feed. For that one thread
// alone: its other threads, and whatever it starts, are ordinary (SCHED_RESET_ON_FORK, sched(7)).
import { runCommand } from './drivers/run-command.ts'

const patienceMs = 2_000

/**
 * Lifts a process' first thread, which is where Node.js runs the event loop, to the lowest real-time priority. The kernel's own limit
 * for real-time threads (95 % of a processor) holds.
 * @returns why it could not be done, as one sentence; null: it is done
 */
export async function raisePriority(pid: number): Promise<string | null> {
  const words = ['--reset-on-fork', '--rr', '--pid', '1', `${pid}`]
  const { code, stderr, isTimeout } = await runCommand('chrt', words, { timeoutMs: patienceMs })
  if (code === 0) return null
  if (isTimeout) return 'chrt does not answer'
  return stderr.trim().split('\n')[0] || 'chrt cannot be run (Debian: util-linux)'
}
