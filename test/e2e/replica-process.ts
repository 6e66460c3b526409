// One replica of the control plane as a real process, on a port of its own that it keeps when it is started again.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { planeFlags } from '../../control-plane/node-flags.ts'
import { MarkedProcess } from './marked-process.ts'
import { waitFor } from './wait.ts'

const main = fileURLToPath(new URL('../../control-plane/main.ts', import.meta.url))

export type ReplicaOptions = {
  site: string
  name: string
  dir: string
  port: number
  databaseUrl: string
}

export class ReplicaProcess extends MarkedProcess {
  readonly name: string
  readonly url: string

  constructor({ site, name, dir, port, databaseUrl }: ReplicaOptions) {
    super({
      site,
      args: [...planeFlags, main, '--port', String(port), '--replica', name],
      logFile: join(dir, `${name}.log`),
      environment: { DATABASE_URL: databaseUrl, HOLDFAST_LOG_LEVEL: 'debug' },
    })
    this.name = name
    this.url = `http://127.0.0.1:${port}`
  }

  async ready(): Promise<this> {
    const look = async () => {
      if (this.ended) return true
      return (await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok
    }
    await waitFor(look, { what: `${this.name} to be ready`, timeoutMs: 60_000 })
    if (this.ended) throw new Error(`${this.name} ended at its start:\n${this.tail()}`)
    return this
  }
}
