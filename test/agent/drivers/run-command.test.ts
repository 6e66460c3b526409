// A tool of the host that hangs costs its timeout, and never more: not even one that the kernel cannot end.
import { expect, test } from 'vitest'
import { runCommand } from '../../../agent/drivers/run-command.ts'
import { canFreeze, freezer } from './freezer.ts'

const { freezeMe, members } = freezer()

test.skipIf(!canFreeze)('a tool that cannot be killed is given up at its timeout', async () => {
  const began = performance.now()
  const result = await runCommand('/bin/sh', ['-c', `${freezeMe()}; sleep 60`], { timeoutMs: 300 })
  expect(result).toMatchObject({ code: null, isTimeout: true })
  expect(performance.now() - began).toBeLessThan(2_000)
  expect(members()).not.toBe('')
})

test('what has left its process group and keeps the pipes open holds up no answer', async () => {
  const began = performance.now()
  const result = await runCommand('/bin/sh', ['-c', 'setsid sleep 5 & echo done'], {
    timeoutMs: 300,
  })
  expect(result).toMatchObject({ stdout: 'done\n', isTimeout: true })
  expect(performance.now() - began).toBeLessThan(2_000)
})

test('an abort ends the wait as a timeout does', async () => {
  const abort = new AbortController()
  const ended = runCommand('/bin/sleep', ['60'], { timeoutMs: 60_000, signal: abort.signal })
  abort.abort()
  expect(await ended).toMatchObject({ code: null, isTimeout: false })
})
