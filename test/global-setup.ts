// One real Postgres for all test files: a template database is migrated once, each file clones it.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../control-plane/site/embedded-postgres.ts'
import { migrate } from '../control-plane/store/migrate.ts'

export default async function setup(project: TestProject) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-test-'))
  const server = await startPostgres({ dir, port: await freePort(), fast: true })
  const admin = postgres(server.url('postgres'), { max: 1, onnotice: () => {} })
  await admin`create database template_holdfast`
  await admin.end()
  await migrate(server.url('template_holdfast'))
  project.provide('postgresPort', server.port)
  return async () => {
    await server.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** A TCP port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().listen(0, '127.0.0.1')
    probe.once('error', reject)
    probe.once('listening', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

declare module 'vitest' {
  interface ProvidedContext {
    postgresPort: number
  }
}
