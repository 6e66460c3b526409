// The site's control plane: a child process like any replica elsewhere, waited for until it is ready.
import { planeFlags } from '../node-flags.ts'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { Complaint } from './complaint.ts'
import type { DataFolder } from './data-folder.ts'
import { lastError, openLog } from './logs.ts'
import { Part } from './part.ts'
import { partEnvironment } from './part-environment.ts'
import { isReady } from './plane-api.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const endWithParent = new URL('./end-with-parent.ts', import.meta.url).href
const readyWithinMs = 60_000
const stopWithinMs = 5_000
/** A plane that ends so often before it was ever ready will not get ready. */
const mostFailures = 3

export type PlanePart = { url: string; stop: () => Promise<void> }

export async function startPlanePart(options: {
  folder: DataFolder
  databaseUrl: string
  port: number
  isStopping: () => boolean
  say: (line: string) => void
}): Promise<PlanePart> {
  const { folder, port, say } = options
  const path = join(folder.home, 'logs/plane.log')
  const command = [process.execPath, ...planeFlags, '--import', endWithParent, main]
  command.push('--host', '127.0.0.1', '--port', String(port), '--replica', 'local')
  const part = new Part({
    title: 'the control plane',
    command,
    environment: { ...partEnvironment(), DATABASE_URL: options.databaseUrl },
    log: { path, descriptor: openLog(path) },
    say,
  })
  const plane: PlanePart = {
    url: `http://127.0.0.1:${port}`,
    stop: () => part.stop('SIGTERM', stopWithinMs),
  }
  part.start()
  const until = performance.now() + readyWithinMs
  while (!(await isReady(plane.url))) {
    if (options.isStopping()) break
    if (performance.now() > until || part.failures >= mostFailures) {
      await plane.stop()
      throw new Complaint(`the control plane does not get ready: ${lastError(path)} (${path})`)
    }
    await pause(50)
  }
  return plane
}
