// Which processes count as a service's: all that belong to it, and never anybody else's.
import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import type { Cgroups } from '../../agent/drivers/process/cgroup.ts'
import { findGroups } from '../../agent/drivers/process/members.ts'

/** A cgroup of one service that holds `pids`, as the kernel lists them. */
const holding = (pids: number[]): Cgroups => ({
  make: () => null,
  prepare: () => {},
  list: () => [{ sid: 'process:a', generation: 1 }],
  members: () => pids,
  paths: () => [],
  kill: () => {},
  remove: () => {},
})

const look = (pids: number[]) => {
  const owner = { clusterUuid: 'nobody', nodeUid: 'nowhere' }
  const runFiles = { path: () => '', list: () => [], remove: () => {} }
  const [group] = findGroups({ owner, cgroups: holding(pids), runFiles, known: new Map() })
  return group?.members.map((one) => one.pid) ?? []
}

test('a process of another pid namespace (0) keeps a cgroup from being empty, and drags nobody of this host in', () => {
  const child = spawn('sleep', ['30'])
  try {
    expect(look([0])).toEqual([0])
    expect(look([0, child.pid as number]).sort((a, b) => a - b)).toEqual([0, child.pid])
  } finally {
    child.kill('SIGKILL')
  }
})
