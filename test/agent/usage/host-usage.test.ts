// How much of its CPUs and memory the machine uses, from the kernel's own words.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseCpuLine, parseMemory, readHost } from '../../../agent/usage/host-usage.ts'

test('busy is what is neither idle nor waiting for a disk; a guest’s time is in its user’s already', () => {
  const text = 'cpu  100 20 30 1000 50 4 6 10 70 5\ncpu0 50 10 15 500 25 2 3 5 35 2\nintr 1\n'
  expect(parseCpuLine(text)).toEqual({ busyTicks: 170, ticks: 1220 })
  expect(() => parseCpuLine('intr 5\n')).toThrow('/proc/stat')
})

test('memory in use is what could not be given to a new process', () => {
  const text = 'MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    3000 kB\n'
  expect(parseMemory(text)).toBe(5000 * 1024)
  expect(() => parseMemory('MemTotal: 1 kB\n')).toThrow('MemAvailable')
})

test('this machine says so too', () => {
  const [first, second] = [readHost(), readHost()]
  expect(second.ticks).toBeGreaterThanOrEqual(first.ticks)
  expect(first.busyTicks).toBeLessThan(first.ticks)
  const total = Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'latin1'))![1]) * 1024
  expect(first.memoryBytes).toBeGreaterThan(0)
  expect(first.memoryBytes).toBeLessThan(total)
})
