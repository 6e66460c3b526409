// A tool of the host that hangs costs its timeout, and never more: not even one that the kernel cannot end.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { runCommand } from '../../../agent/drivers/run-command.ts'

// A process frozen by a cgroup of version 1 takes no SIGKILL, like one that sleeps uninterruptibly.
const freezer = '/sys/fs/cgroup/freezer'
const canFreeze = existsSync(`${freezer}/cgroup.procs`) && process.getuid?.() === 0
const frozen = `${freezer}/holdfast-test-${process.pid}`

afterEach(async () => {
  if (!existsSync(frozen)) return
  writeFileSync(`${frozen}/freezer.state`, 'THAWED')
  for (let i = 0; i < 100 && readFileSync(`${frozen}/cgroup.procs`, 'utf8') !== ''; i++)
    await pause(20)
  rmdirSync(frozen)
})

test.skipIf(!canFreeze)('a tool that cannot be killed is given up at its timeout', async () => {
  mkdirSync(frozen)
  const freezeMe = `echo $$ > ${frozen}/cgroup.procs; echo FROZEN > ${frozen}/freezer.state; sleep 60`
  const began = performance.now()
  const result = await runCommand('/bin/sh', ['-c', freezeMe], { timeoutMs: 300 })
  expect(result).toMatchObject({ code: null, isTimeout: true })
  expect(performance.now() - began).toBeLessThan(2_000)
  expect(readFileSync(`${frozen}/cgroup.procs`, 'utf8')).not.toBe('')
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
