// Free TCP ports on the loopback address.
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Complaint } from './complaint.ts'

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const port = await tryListen(0)
  if (port === null) throw new Error('no free port on 127.0.0.1')
  return port
}

export async function isPortFree(port: number): Promise<boolean> {
  return (await tryListen(port)) !== null
}

/** Waits up to `patienceMs` for somebody to let go of `port`. */
export async function waitForPort(port: number, patienceMs: number): Promise<boolean> {
  const until = performance.now() + patienceMs
  while (!(await isPortFree(port))) {
    if (performance.now() > until) return false
    await pause(100)
  }
  return true
}

/** `first`, or the next port above it that is free. */
export async function freePortFrom(first: number): Promise<number> {
  for (let port = first; port < Math.min(first + 100, 65_536); port++)
    if (await isPortFree(port)) return port
  return freePort()
}

function tryListen(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null)
      else if (error.code === 'EACCES')
        reject(
          new Complaint(`port ${port} is not allowed to this user: choose another with --port`),
        )
      else reject(error)
    })
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address()
      const got = typeof address === 'object' && address ? address.port : port
      probe.close(() => resolve(got))
    })
  })
}
