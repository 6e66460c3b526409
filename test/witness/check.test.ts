// The checker must have teeth: each fault it exists for is shown to it, made by hand and by real processes.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { beatMs, judge, readWitness } from './check.ts'

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

type Life = { node?: string; generation?: number; pid?: number; from: number; to: number }
const life = ({ node = 'n1', generation = 1, pid = 7, from, to }: Life, end: 'stop' | 'kill') => {
  const line = (kind: string, atMs: number) =>
    JSON.stringify({
      kind,
      atMs,
      pid,
      boot: `boot-${node}`,
      mark: `c/${node}/process:a/${generation}`,
    })
  const lines = [line('start', from)]
  for (let at = from + beatMs; at < to; at += beatMs) lines.push(line('beat', at))
  lines.push(line(end === 'stop' ? 'stop' : 'beat', to))
  return lines
}
const text = (...lines: string[][]) =>
  lines
    .flat()
    .map((line) => `${line}\n`)
    .join('')

describe('the checker', () => {
  test('finds nothing wrong where one run follows another', () => {
    const first = life({ from: 1000, to: 2000 }, 'stop')
    const second = life({ node: 'n2', generation: 2, from: 2001, to: 3000 }, 'stop')
    const { faults, runs } = judge(text(first, second))
    expect(faults).toEqual([])
    expect(runs.map((run) => [run.nodeUid, run.stopped])).toEqual([
      ['n1', true],
      ['n2', true],
    ])
    expect(judge('').faults).toEqual([])
  })

  test('catches a run that begins before another has stopped', () => {
    const first = life({ from: 1000, to: 2000 }, 'stop')
    const second = life({ node: 'n2', generation: 2, from: 1900, to: 3000 }, 'stop')
    expect(judge(text(first, second)).faults).toEqual([
      expect.stringContaining('two copies ran for 100 ms'),
    ])
    expect(judge(text(second, first)).overlaps).toHaveLength(1)
  })

  test('catches a run inside a longer one', () => {
    const first = life({ from: 1000, to: 9000 }, 'kill')
    const second = life({ node: 'n2', from: 2000, to: 3000 }, 'stop')
    expect(judge(text(first, second)).overlaps[0]?.overlapMs).toBe(1000)
  })

  test('counts a killed run a beat longer, unless it is restarted in place', () => {
    const killed = life({ from: 1000, to: 2000 }, 'kill')
    const elsewhere = life({ node: 'n2', generation: 2, from: 2020, to: 3000 }, 'stop')
    expect(judge(text(killed, elsewhere)).overlaps).toHaveLength(1)
    const restarted = life({ pid: 8, from: 2020, to: 3000 }, 'stop')
    expect(judge(text(killed, restarted)).faults).toEqual([])
    const tooEarly = life({ pid: 8, from: 1990, to: 3000 }, 'stop')
    expect(judge(text(killed, tooEarly)).overlaps).toHaveLength(1)
  })

  test('catches two processes of one node and generation', () => {
    const both = text(
      life({ from: 1000, to: 2000 }, 'stop'),
      life({ pid: 8, from: 1500, to: 1700 }, 'stop'),
    )
    expect(judge(both).faults).toHaveLength(1)
  })

  test('catches lines that nobody could have written', () => {
    const good = text(life({ from: 1000, to: 1100 }, 'stop'))
    const beat = life({ from: 1000, to: 1050 }, 'kill').at(-1)
    expect(judge(good.slice(0, -1)).faults).toEqual(['the last line has no end'])
    expect(judge(`${good}{"kind":"beat"}\n`).faults).toHaveLength(1)
    expect(judge(`${good}nonsense\n`).faults).toHaveLength(1)
    expect(judge(`${good}${beat}\n`).faults).toHaveLength(1)
    expect(judge(`${beat}\n`).faults).toHaveLength(1)
  })
})

describe('the witness', () => {
  let dir: string
  let file: string
  const started: ChildProcess[] = []

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'holdfast-witness-'))
    file = join(dir, 'a')
  })
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })

  function run(node: string, lock = 'lock', ...options: string[]): ChildProcess {
    const args = [path('./run.sh'), lock, process.execPath, path('./service.mjs'), file]
    const marks = { HOLDFAST_NODE_BOOT: `boot-${node}`, HOLDFAST_SERVICE: `c/${node}/process:a/1` }
    const child = spawn('/bin/sh', [...args, ...options], { env: { ...process.env, ...marks } })
    started.push(child)
    return child
  }
  const ended = (child: ChildProcess) =>
    new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
  const beats = () => readWitness(file).runs.reduce((sum, run) => sum + run.lastMs - run.startMs, 0)
  const beaten = (ms: number) => expect.poll(beats, { timeout: 10_000 }).toBeGreaterThan(ms)

  test('a second copy beside a living one is refused the lock, and the checker says so', async () => {
    run('n1')
    await beaten(100)
    expect(await ended(run('n2'))).toBe(75)
    expect(readWitness(file).faults).toEqual([expect.stringContaining('the lock was refused')])
  })

  test('a copy that is stopped by a signal still holds the lock', async () => {
    const first = run('n1')
    await beaten(100)
    first.kill('SIGSTOP')
    expect(await ended(run('n2'))).toBe(75)
  })

  test('copies without the lock overlap, and the checker measures it', async () => {
    run('n1', 'no-lock')
    await beaten(100)
    run('n2', 'no-lock')
    await expect.poll(() => readWitness(file).overlaps.length, { timeout: 10_000 }).toBe(1)
    expect(readWitness(file).overlaps[0]?.overlapMs).toBeGreaterThan(0)
  })

  test('a stop and a kill both free the lock at once', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const soFar = beats()
      const child = run('n1')
      await beaten(soFar + 100)
      child.kill(signal)
      await ended(child)
    }
    writeFileSync(`${file}.fail`, '')
    expect(await ended(run('n1'))).toBe(1)
    const { faults, runs } = readWitness(file)
    expect(faults).toEqual([])
    expect(runs.map((each) => each.stopped)).toEqual([true, false, true])
  })
})
