// Files of /proc are read whole, however long, and each as it is now.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { readProc } from '../../../agent/drivers/process/read-proc.ts'

test('an environment that is longer than one read is read whole', async () => {
  const long = 'ä'.repeat(50_000)
  const child = spawn('sleep', ['60'], { env: { LONG: long, AFTER: 'it' } })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  const text = readProc(`/proc/${child.pid}/environ`)
  expect(Buffer.from(text, 'latin1').toString('utf8')).toBe(`LONG=${long}\0AFTER=it\0`)
})

test('a short file after a long one has nothing of it', () => {
  expect(readProc('/proc/self/maps').length).toBeGreaterThan(4_096)
  expect(readProc('/proc/self/comm')).toBe(readFileSync('/proc/self/comm', 'latin1'))
})

test('what is gone is told as the file system tells it', () => {
  expect(() => readProc('/proc/4194305/stat')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
})
