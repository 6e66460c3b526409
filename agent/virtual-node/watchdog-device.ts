// The simulated watchdog as the agent sees it: a FIFO to write to and a state file to read. One per boot.
// It is read here, outside the node, so that nothing inside the node can keep the countdown from running out.
import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Log } from './log.ts'
import { WatchdogTimer } from './watchdog-timer.ts'

export type WatchdogDevice = {
  timer: WatchdogTimer
  /** The node has no power any more: stop reading, never fire. */
  end(): void
}

export type WatchdogDeviceOptions = {
  fifo: string
  stateFile: string
  bootId: string
  /** Whether the boot before this one was ended by the watchdog, as a real device's bootstatus would tell. */
  resetByWatchdog: boolean
  log: Log
  fired: (silentMs: number) => void
}

/** Makes a fresh FIFO (bytes written in an earlier boot must never feed this one) and reads it. */
export function openWatchdogDevice(options: WatchdogDeviceOptions): WatchdogDevice {
  const { fifo, stateFile, bootId, resetByWatchdog, log } = options
  const bootedMs = Date.now()
  const save = (state: { armed: boolean; timeoutMs: number }) => {
    const temporary = `${stateFile}.new`
    try {
      const text = JSON.stringify({ bootId, ...state, resetByWatchdog, bootedMs })
      writeFileSync(temporary, `${text}\n`)
      renameSync(temporary, stateFile)
    } catch (error) {
      // The countdown goes on all the same; a state that says too little only makes the agent careful.
      log('watchdog state not written', { why: (error as Error).message })
    }
  }
  const timer = new WatchdogTimer({
    nowMs: () => performance.now(),
    fired: options.fired,
    changed(state) {
      save(state)
      log('watchdog', { bootId, ...state })
    },
  })
  save(timer.state)
  const socket = readFifo(fifo, (line) => {
    if (!timer.accept(line)) log('watchdog: not understood', { line: line.slice(0, 40) })
  })
  return {
    timer,
    end() {
      timer.end()
      socket.destroy()
      rmSync(fifo, { force: true })
    },
  }
}

function readFifo(path: string, line: (text: string) => void): Socket {
  rmSync(path, { force: true })
  const made = spawnSync('mkfifo', ['-m', '600', path], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`mkfifo ${path}: ${made.stderr || made.error?.message}`)
  // Read and write: with a writer of our own the reader never sees an end of file between two agents.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  let socket: Socket
  try {
    socket = new Socket({ fd, readable: true, writable: false })
  } catch (error) {
    closeSync(fd)
    throw error
  }
  let rest = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = (lines.pop() ?? '').slice(-100)
    for (const text of lines) line(text)
  })
  socket.on('error', () => socket.destroy())
  return socket
}
