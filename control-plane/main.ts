// Starts one replica of the control plane: `DATABASE_URL=… npm run control-plane -- --port 8421`.
import pino from 'pino'
import { tellReady } from '../shared/service-manager.ts'
import { type Config, readConfig } from './config.ts'
import { startPlane } from './plane.ts'
import { migrate } from './store/migrate.ts'

async function main() {
  let config: Config
  try {
    config = readConfig(process.argv.slice(2), process.env)
  } catch (error) {
    console.error((error as Error).message)
    process.exit(2)
  }
  const log = pino({ level: config.logLevel, base: { replica: config.replica } })
  await migrate(config.databaseUrl)
  const plane = await startPlane(config, log)
  log.info({ url: plane.url }, 'control plane ready')
  tellReady()
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    // Nothing here must be saved: what cannot be closed in time is simply dropped.
    setTimeout(() => process.exit(0), 3_000).unref()
    void plane.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

main().catch((error: unknown) => {
  const code = (error as { code?: string }).code
  if (code === 'EADDRINUSE') console.error('the port is taken: choose another with --port')
  else console.error(error)
  process.exit(1)
})
