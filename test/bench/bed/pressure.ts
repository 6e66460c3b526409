// What a busy node does to a process: loads of our own, each some processes that are ended by their pids.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, freemem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const pressures = {
  calm: 'nothing else',
  cpu: 'four processes that compute for each processor',
  memory: 'half of what is free is written over and over',
  disk: 'four processes that write and sync a mebibyte at a time',
} as const
export type Pressure = keyof typeof pressures

const script = fileURLToPath(import.meta.url)

/** Begins it; the answer ends it. */
export function press(pressure: Pressure, dir: string): () => Promise<void> {
  const count = { calm: 0, cpu: 4 * availableParallelism(), memory: 4, disk: 4 }[pressure]
  const bytes = Math.floor(freemem() / 2 / 4)
  const children = Array.from({ length: count }, (_, i) =>
    spawn(process.execPath, [script, pressure, join(dir, `pressure-${i}`), `${bytes}`], {
      stdio: 'ignore',
    }),
  )
  const endAll = () => void children.forEach((child) => child.kill('SIGKILL'))
  process.once('exit', endAll)
  return async () => {
    process.off('exit', endAll)
    await Promise.all(children.map(ended))
    for (let i = 0; i < count; i++) rmSync(join(dir, `pressure-${i}`), { force: true })
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    if (!child.kill('SIGKILL')) resolve()
  })
}

/** One process of it. */
function work(pressure: Pressure, file: string, bytes: number): never {
  const block = Buffer.alloc(1_048_576, 1)
  const memory = pressure === 'memory' ? Buffer.allocUnsafe(bytes) : null
  for (let round = 0; ; round++) {
    if (memory) memory.fill(round & 255)
    if (pressure !== 'disk') continue
    const written = openSync(file, round % 64 === 0 ? 'w' : 'a')
    writeSync(written, block)
    fsyncSync(written)
    closeSync(written)
  }
}

const [, self, pressure, file, bytes] = process.argv
if (self === script && pressure !== undefined && file !== undefined)
  work(pressure as Pressure, file, Number(bytes))
