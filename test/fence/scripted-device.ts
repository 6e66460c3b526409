// A fence device that does what a test says, in virtual time: what it reads, one look after the other (the last for ever),
// and how long it takes. And a process in that time to drive it.
import type { FenceDevice, PowerLook } from '../../control-plane/fence/fence-device.ts'
import { carryOut, type Drive } from '../../control-plane/fence/carry-out.ts'
import { HostClock, Process } from '../sim/process.ts'
import { Scheduler } from '../sim/scheduler.ts'

export const uuid = '11111111-2222-4333-8444-555555555555'

type Script = {
  looks: (PowerLook['state'] | Error)[]
  answersMs?: number
  says?: string
  command?: 'taken' | 'refused' | 'unanswered'
}

export class ScriptedDevice implements FenceDevice {
  readonly commandedAtMs: number[] = []
  private readonly script: Script
  private readonly scheduler: Scheduler

  constructor(scheduler: Scheduler, script: Script) {
    this.scheduler = scheduler
    this.script = script
  }

  async look(): Promise<PowerLook> {
    await this.wait()
    const { looks, says = uuid } = this.script
    const look = looks.length > 1 ? looks.shift()! : looks[0]!
    if (look instanceof Error) throw look
    return { state: look, identity: { uuid: says, serial: null } }
  }

  async powerOff(): Promise<void> {
    this.commandedAtMs.push(this.scheduler.nowMs)
    const { command = 'taken' } = this.script
    if (command === 'unanswered') return new Promise(() => {})
    await this.wait()
    if (command === 'refused') throw Object.assign(new Error('secret'), { code: 'ECONNREFUSED' })
  }

  async powerOn(): Promise<void> {
    throw new Error('an order to switch a node off switches nothing on')
  }

  private wait(): Promise<void> {
    return new Promise((resolve) => {
      this.scheduler.after(this.script.answersMs ?? 10, resolve)
    })
  }
}

/** Carries an order out with these devices; what they said, and when it was over. */
export async function drive(
  scripts: Script[],
  given: {
    isInForce?: () => boolean
    wasOn?: boolean
    isTrueOff?: boolean
    before?: (process: Process) => void
  } = {},
) {
  const scheduler = new Scheduler()
  const process = new Process(scheduler, new HostClock(scheduler, 1, 5_000))
  given.before?.(process)
  const devices = scripts.map((script) => new ScriptedDevice(scheduler, script))
  const drives = devices.map(
    (device, at): Drive => ({
      device,
      wasOn: given.wasOn ?? false,
      isTrueOff: given.isTrueOff ?? true,
      view: {
        ...{ name: `feed${at + 1}`, kind: 'redfish', uid: `u${at}` },
        expects: { uuid, serial: null },
      },
    }),
  )
  let done: { said: Awaited<ReturnType<typeof carryOut>>; atMs: number } | null = null
  const { clock, timers } = process
  process.do(() => {
    const isInForce = async () => given.isInForce?.() ?? true
    void carryOut(drives, 1_000, { clock, timers, isInForce }).then((said) => {
      done = { said, atMs: scheduler.nowMs }
    })
  })
  await scheduler.run(200_000, () => {})
  if (done === null) throw new Error('it never ended')
  const { said, atMs } = done as { said: Awaited<ReturnType<typeof carryOut>>; atMs: number }
  const views = drives.map(({ view }) => view)
  return { said, atMs, devices, views }
}
