// The local nodes of a site: one supervisor process each.
import { join } from 'node:path'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type postgres from 'postgres'
import { fenceAfterMs, Timing } from '../../shared/timing.ts'
import { partEnvironment } from './part-environment.ts'
import type { DataFolder } from './data-folder.ts'
import { joinTokenFor } from './first-start.ts'
import { openLog } from './logs.ts'
import { Part } from './part.ts'

const supervisor = fileURLToPath(new URL('../../agent/virtual-node/supervisor.ts', import.meta.url))
/** Longer than a supervisor gives its agent, so that it is never the site that cuts a clean power-off short. */
const patienceMs = 15_000

export type Nodes = {
  names: string[]
  stop: () => Promise<void>
}

export async function startNodes(options: {
  folder: DataFolder
  sql: postgres.Sql
  clusterId: number
  planeUrl: string
  count: number
  say: (line: string) => void
}): Promise<Nodes> {
  const { folder, sql, clusterId, planeUrl, count, say } = options
  const names = Array.from({ length: count }, (_, index) => `n${index + 1}`)
  const parts: Part[] = []
  const rebootMs = await rebootTime(sql, clusterId)
  for (const name of names) {
    const home = join(folder.home, 'nodes', name)
    mkdirSync(home, { recursive: true, mode: 0o700 })
    const token = await joinTokenFor(sql, clusterId, name, home)
    const command = [process.execPath, supervisor, '--node', name, '--home', home]
    command.push('--reboot-ms', String(rebootMs))
    command.push('--url', planeUrl, ...(token === null ? [] : ['--join-token', token]))
    const path = join(folder.home, 'logs', `${name}.log`)
    parts.push(
      new Part({
        title: `the supervisor of ${name}`,
        command,
        environment: partEnvironment(),
        log: { path, descriptor: openLog(path) },
        say,
      }),
    )
  }
  for (const part of parts) part.start()
  return {
    names,
    async stop() {
      await Promise.all(parts.map((part) => part.stop('SIGINT', patienceMs)))
    },
  }
}

/**
 * How long a node is down after its watchdog or a crash took its power: as with real machines longer than its fence
 * deadline, so that its services are seen to start on the others. `dev power-on` boots it at once.
 */
async function rebootTime(sql: postgres.Sql, clusterId: number): Promise<number> {
  const [row] = await sql<{ timing: unknown }[]>`
    select settings->'timing' as timing from cluster where id = ${clusterId}`
  return fenceAfterMs(Timing.parse(row?.timing)) + 5_000
}
