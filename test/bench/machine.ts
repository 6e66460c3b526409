// What the numbers were measured on. A figure without these says nothing.
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { median } from './figure.ts'

export type Machine = {
  cpu: string
  cores: number
  memoryGiB: number
  kernel: string
  node: string
  postgres: string
  fsync: string
  fdatasyncMs: number
  /** Load average of the last minute, before the first bench: what else the machine was doing. */
  loadBefore: number
}

export function describeMachine(dir: string, server: { postgres: string; fsync: string }): Machine {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: os.release(),
    node: process.version,
    ...server,
    fdatasyncMs: fdatasyncMs(join(dir, 'fdatasync')),
    loadBefore: Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[0]),
  }
}

/** What a commit must wait for at the least: the median of some small appends made durable. */
function fdatasyncMs(file: string): number {
  const descriptor = openSync(file, 'w')
  const block = Buffer.alloc(8192)
  const samples = Array.from({ length: 40 }, () => {
    writeSync(descriptor, block)
    const startedMs = performance.now()
    fdatasyncSync(descriptor)
    return performance.now() - startedMs
  })
  closeSync(descriptor)
  rmSync(file)
  return Math.round(median(samples) * 1000) / 1000
}

export type Memory = { rssMiB: number; anonMiB: number }

/** Of a running process. `anon` is what really costs; the rest are pages of files that the kernel may drop. */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  return { rssMiB: mib('VmRSS'), anonMiB: mib('RssAnon') }
}

/** Seconds of processor time a process has had since its start. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
  // utime and stime are fields 14 and 15; a tick is 10 ms on every Linux that Node.js runs on.
  return (Number(fields[11]) + Number(fields[12])) / 100
}
