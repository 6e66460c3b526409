// What the kernel cannot end: a process frozen by a cgroup of version 1 takes no SIGKILL, like one that sleeps
// uninterruptibly. Call at the top of a test file: what a test has frozen is thawed, and waited for, after it.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach } from 'vitest'

const root = '/sys/fs/cgroup/freezer'

export const canFreeze = existsSync(`${root}/cgroup.procs`) && process.getuid?.() === 0

export function freezer() {
  const frozen = `${root}/holdfast-test-${process.pid}`
  const thaw = () => writeFileSync(`${frozen}/freezer.state`, 'THAWED')
  afterEach(async () => {
    if (!existsSync(frozen)) return
    thaw()
    for (let i = 0; i < 100 && readFileSync(`${frozen}/cgroup.procs`, 'utf8') !== ''; i++)
      await pause(20)
    rmdirSync(frozen)
  })
  return {
    thaw,
    /** For a shell to freeze itself and what it starts. */
    freezeMe: () => {
      mkdirSync(frozen, { recursive: true })
      return `echo $$ > ${frozen}/cgroup.procs; echo FROZEN > ${frozen}/freezer.state`
    },
    members: () => readFileSync(`${frozen}/cgroup.procs`, 'utf8'),
  }
}
