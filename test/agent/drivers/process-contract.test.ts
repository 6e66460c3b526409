// The driver contract for supervised commands.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverEvents } from '../../../agent/drivers/driver.ts'
import { createProcessDriver } from '../../../agent/drivers/process/process-driver.ts'
import { systemClock } from '../../../shared/clock.ts'
import { driverContract } from './contract.ts'

const shell = (script: string) => ({ command: ['/bin/sh', '-c', script] })

driverContract('process', null, () => {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-driver-'))
  const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
  const create = (nodeUid: string, folder: string) => (events: DriverEvents) =>
    createProcessDriver({
      ...{ home: join(home, folder), owner: { ...owner, nodeUid }, bootId: 'boot-1' },
      ...{ node: 'n1', clock: systemClock(), events, upkeepMs: 50 },
    })
  /** By the mark alone, wherever the agent keeps its files. */
  const pids = () => readdirSync('/proc').filter((pid) => isOf(pid, owner.nodeUid))
  return {
    sid: 'process:a',
    specs: {
      runs: { command: ['sleep', '1000'] },
      fails: shell('exit 3'),
      invalid: { command: 'sleep 1000' },
      deaf: shell('trap "" TERM; while :; do sleep 0.1; done'),
    },
    createDriver: create(owner.nodeUid, 'n1'),
    createForeign: create(randomUUID(), 'n2'),
    crash: () => {
      for (const pid of pids()) process.kill(Number(pid), 'SIGKILL')
      return Promise.resolve()
    },
    isAlive: () => Promise.resolve(pids().length > 0),
    startByOthers: null,
    noticesWithinMs: 1_000,
    patienceMs: 5_000,
    end: () => {
      rmSync(home, { recursive: true, force: true })
      return Promise.resolve()
    },
  }
})

function isOf(pid: string, nodeUid: string): boolean {
  if (!/^\d+$/.test(pid)) return false
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(nodeUid)
  } catch {
    return false // gone meanwhile
  }
}
