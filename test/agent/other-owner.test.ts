// Another program has the watchdog: it is named, and the node says that it cannot protect until that one lets go.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeHolder, findHolder } from '../../agent/watchdog/device-holder.ts'
import { desired, generation, order, plane, resumed, Steps } from './steps.ts'

test('the process that holds a device is found in /proc and named with what to do', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-holder-'))
  const path = join(directory, 'watchdog0')
  writeFileSync(path, '')
  const { ino } = statSync(path)
  const isDevice = (status: { ino: number }) => status.ino === ino
  expect(findHolder(isDevice)).toBe(null)
  const child = spawn('sh', ['-c', 'exec 3<"$0"; echo open; exec sleep 60', path])
  try {
    await once(child.stdout, 'data')
    const holder = findHolder(isDevice)
    expect(holder?.pid).toBe(child.pid)
    expect(['sh', 'sleep']).toContain(holder?.name)
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
    rmSync(directory, { recursive: true })
  }
  expect(findHolder(isDevice)).toBe(null)
  const about = (pid: number, name: string) => describeHolder('/dev/watchdog0', { pid, name })
  expect(about(1, 'systemd')).toMatch(/held by systemd \(pid 1\).*RuntimeWatchdogSec=0/)
  expect(about(77, 'sbd')).toMatch(/held by sbd \(pid 77\): stop sbd/)
  expect(describeHolder('/dev/watchdog0', null)).toContain('another program holds /dev/watchdog0')
})

const taken = { kind: 'watchdog-seen', class: 'none', counting: true, why: 'held by sbd' } as const
const freed = { kind: 'watchdog-seen', class: 'qualified', counting: false, why: '' } as const

/** An empty node with an epoch and no orders. */
function idle(): Steps {
  const steps = new Steps(resumed({ running: false, journal: { started: {} } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  steps.orders(desired([], { revision: 11 }))
  for (let i = 0; i < 3; i++) if (steps.lrm.renewal.inFlight) steps.grant({ revision: 11 })
  expect(steps.lrm.watchdog.open).toBe(false)
  return steps
}

test('an idle node whose watchdog is taken asks for an epoch that says so, and again once it is free', () => {
  const steps = idle()
  const asked = () => steps.all.filter(({ kind }) => kind === 'ask-epoch').length
  expect(asked()).toBe(0)
  steps.tell(taken)
  expect(asked()).toBe(1)
  joined(steps)
  expect(steps.lrm.epoch?.number).toBe(2)
  steps.nowMs += 3_100
  steps.tell()
  expect(steps.last('renew')!.request.armed).toBe(false)
  steps.grant({ revision: 11 })
  steps.orders(desired([], { revision: 11 }))
  steps.tell()
  expect(asked()).toBe(1)
  steps.tell(freed)
  expect(asked()).toBe(2)
})

function joined(steps: Steps): void {
  const { timing } = steps.lrm
  steps.tell({
    kind: 'epoch-answered',
    answer: { status: 'joined', epoch: 2, planeEpoch: plane, timing },
  })
}

test.each([
  ['cannot protect any more', 'qualified', 'none', 1],
  ['can protect again', 'none', 'qualified', 1],
  ['could not protect before either', 'none', 'none', 0],
  ['is as it was', 'qualified', 'qualified', 0],
  ['cannot protect, after an agent that did not write down whether it could', undefined, 'none', 1],
] as const)(
  'a process that returns to a device that %s asks for an epoch that says so, or goes on',
  (_, told, watchdog, asks) => {
    const epoch = {
      number: 1,
      seqReserved: 10_000,
      planeNumber: plane.number,
      state: 'open' as const,
    }
    const journal = { started: {}, epoch: { ...epoch, ...(told && { watchdog: told }) } }
    const steps = new Steps(resumed({ running: false, journal, watchdog }))
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [] })
    steps.orders(desired([], { revision: 11 }))
    for (let i = 0; i < 3; i++) if (steps.lrm.renewal.inFlight) steps.grant({ revision: 11 })
    expect(steps.all.filter(({ kind }) => kind === 'ask-epoch')).toHaveLength(asks)
    if (asks === 1) joined(steps)
    expect(steps.lrm.journal.epoch?.watchdog).toBe(asks === 1 ? watchdog : told)
  },
)

test('nothing is confirmed or started while another program has the watchdog', () => {
  const steps = idle()
  steps.tell(taken)
  joined(steps)
  steps.orders(desired([order({ generation: generation + 1, uid: 'u2' })], { revision: 12 }))
  for (let i = 0; i < 5; i++) {
    steps.nowMs += 1_000
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: 12 })
    steps.tell()
  }
  expect(steps.kinds()).not.toContain('start')
  expect(steps.all.filter((one) => one.kind === 'renew').at(-1)!.request.confirms).toEqual([])
})

test('a node that runs services keeps its epoch and its device: nobody else can have it', () => {
  const steps = Steps.running()
  steps.tell(taken)
  expect(steps.lrm.watchdog.class).toBe('qualified')
  expect(steps.lrm.epoch?.number).toBe(1)
})
