// A virtual node's watchdog fires also when its supervisor cannot write anything down.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const agent = `
import { openSync, writeSync, writeFileSync } from 'node:fs'
const fifo = openSync(process.env.HOLDFAST_WATCHDOG_FIFO, 'w')
writeSync(fifo, 'T1500\\n')
writeFileSync(process.env.PID_FILE, String(process.pid))
setInterval(() => {}, 1000)
`

const alive = (pid: number) => {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

test.each([false, true])(
  'the watchdog fires although nothing can be written down (disk full: %s)',
  async (full) => {
    const home = mkdtempSync(join(tmpdir(), 'holdfast-test-'))
    const pidFile = join(home, 'pid')
    writeFileSync(join(home, 'agent.mjs'), agent)
    const script = fileURLToPath(new URL('../../agent/virtual-node/supervisor.ts', import.meta.url))
    const words = ['--node', 'n1', '--home', join(home, 'n1'), '--url', 'http://127.0.0.1:9']
    const supervisor = spawn(
      process.execPath,
      [script, ...words, '--reboot-ms', '600000', '--agent', join(home, 'agent.mjs')],
      { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, PID_FILE: pidFile } },
    )
    let said = ''
    supervisor.stderr.on('data', (chunk) => void (said += chunk))
    for (let i = 0; i < 200 && !existsSync(pidFile); i++) await pause(50)
    const pid = Number(readFileSync(pidFile, 'utf8'))
    // Stands for ENOSPC: the temporary file of the record cannot be written.
    if (full) mkdirSync(join(home, 'n1', 'machine.json.new'))
    await pause(3_000)
    const after = { agentLives: alive(pid), supervisorLives: supervisor.exitCode === null }
    try {
      process.kill(pid, 'SIGKILL')
    } catch {}
    supervisor.kill('SIGKILL')
    await pause(100)
    rmSync(home, { recursive: true, force: true })
    expect(after, said.slice(-500)).toEqual({ agentLives: false, supervisorLives: true })
  },
)
