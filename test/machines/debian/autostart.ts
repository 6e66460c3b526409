// What others would start: a unit that is enabled and a domain that is set to autostart, on a machine that its watchdog resets. They
// run on another machine by then; where they ran, everything but their grant says that they are to be started.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fenceAfterMs, type Timing } from '../../../shared/timing.ts'
import { createGuest } from '../../agent/vm/guest.ts'
import { waitFor } from '../../e2e/wait.ts'
import { Lab } from '../lab.ts'
import type { Machine } from '../machine.ts'
import { makeDebianDisk } from './image.ts'
import { SignsOfLife } from './signs-of-life.ts'

const [unit, domain] = ['systemd:db', 'vm:100']
const guestFolder = '/var/lib/libvirt/images/vm100'
const bootMs = 240_000

export type Autostarted = {
  resetMs: number
  restartMs: number
  bootMs: number
  bootstatus: number
  /** What the machine says of the two after its boot, while it is cut off: `inactive`, `shut off`. */
  found: string
  rejoinMs: number
  /** The same once it is a node again. */
  foundAfter: string
}

export type DebianLab = { lab: Lab; signs: SignsOfLife; said: string[]; xml: string }

export function debianLab(timing: Timing): DebianLab {
  const signs = new SignsOfLife()
  const said: string[] = []
  const made: { xml: string } = { xml: '' }
  const boots = (node: string) => lab.machine(node).boots.length
  const lab = new Lab({
    timing,
    onLeaseLoss: 'reset',
    system: (work) => {
      const disk = makeDebianDisk(work, (tree) => (made.xml = putGuest(tree)))
      return { disk, memoryMib: 768, isWritable: true }
    },
    hear: (node, line, atMs) => {
      const alive = /@alive (\S+)$/.exec(line)?.[1]
      if (alive !== undefined) signs.hear(alive, node, boots(node), atMs)
      else if (line.startsWith('@said ')) said.push(line.slice('@said '.length))
    },
    hearGuest: (node, atMs) => signs.hear(domain, node, boots(node), atMs),
  })
  return {
    ...{ lab, signs, said },
    get xml() {
      return made.xml
    },
  }
}

/** On the disk of every machine, as if it were shared. Its serial line leads out of the machine. */
function putGuest(tree: string): string {
  mkdirSync(join(tree, guestFolder), { recursive: true })
  const { xml } = createGuest(join(tree, guestFolder), 'counts', randomUUID())
  return xml
    .replaceAll(tree, '')
    .replace(/<serial .*<\/serial>/, "<serial type='dev'><source path='/dev/ttyS2'/></serial>")
}

export async function autostart(machines: DebianLab): Promise<Autostarted> {
  const { lab, signs, said } = machines
  const { operator, options } = lab
  const patienceMs = fenceAfterMs(options.timing) + bootMs
  await operator.post('/groups', {
    name: 'first',
    nodes: { n1: 2, n2: 1, n3: 1 },
    nofailback: true,
  })
  await operator.post('/services', { sid: unit, spec: {}, group: 'first' })
  await operator.post('/services', { sid: domain, spec: { xml: machines.xml }, group: 'first' })
  const isHeard = (service: string) => signs.of(service).at(-1)
  for (const service of [unit, domain])
    await waitFor(() => isHeard(service)?.node === 'n1', {
      what: `${service} to run on n1`,
      timeoutMs: patienceMs,
      last: () => signs.of(service),
    })
  const machine = lab.machine('n1')
  await tell(machine, said, 'systemctl enable db; sync; systemctl is-enabled db', 'enabled')
  const define = 'virsh dumpxml vm100 >/root/vm100.xml; virsh define /root/vm100.xml'
  const info = `virsh dominfo vm100 | grep -c "Autostart: *enable"`
  await tell(machine, said, `${define}; virsh autostart vm100; sync; ${info}`, '1')
  const { epoch } = await operator.node('n1')

  const boots = machine.boots.length
  const startMs = performance.now()
  await machine.plug(false)
  const firedMs = await waitFor(() => machine.watchdogFired(startMs), {
    what: 'the watchdog of n1 to fire',
    timeoutMs: options.timing.leaseMs + 10_000,
  })
  for (const service of [unit, domain])
    await waitFor(() => isHeard(service)?.node !== 'n1', {
      what: `${service} to run elsewhere`,
      timeoutMs: patienceMs,
    })
  const restartMs = Math.max(...[unit, domain].map((one) => signs.of(one).at(-1)?.firstMs ?? 0))
  const booted = await waitFor(() => machine.boots[boots], {
    what: 'n1 to be up again',
    timeoutMs: bootMs,
  })
  // Everything that would start something has had its turn once the system says that it is up.
  const look = '$(systemctl is-active db), $(virsh domstate vm100 2>&1 | head -n 1)'
  const found = await ask(
    machine,
    said,
    `systemctl is-system-running --wait >/dev/null; virsh list >/dev/null; echo "${look}"`,
  )
  await machine.plug(true)
  const healedMs = performance.now()
  await operator.until(
    'n1 to be online in a new epoch',
    ({ nodes }) => nodes.some((n) => n.name === 'n1' && n.state === 'online' && n.epoch > epoch),
    bootMs,
  )
  const rejoinMs = performance.now() - healedMs
  const foundAfter = await ask(machine, said, `echo "${look}"`)
  for (const service of [unit, domain]) {
    const lives = signs.of(service)
    assert.equal(
      lives.length,
      2,
      `${service} was started once more, and no more: ${JSON.stringify(lives.slice(0, 4))}`,
    )
    assert.ok((lives[0]?.lastMs ?? 0) <= firedMs, `${service} lived on n1 until the reset at most`)
    assert.ok((lives[1]?.firstMs ?? 0) > firedMs, `${service} was started after the reset`)
  }
  assert.equal(booted.bootstatus, 32, 'the machine says that its watchdog reset it')
  assert.match(found, /^(inactive|failed), (shut off|error: .*)$/)
  assert.match(foundAfter, /^(inactive|failed), (shut off|error: .*)$/)
  return {
    resetMs: firedMs - startMs,
    restartMs: restartMs - startMs,
    bootMs: booted.atMs - startMs,
    bootstatus: booted.bootstatus,
    ...{ found, rejoinMs, foundAfter },
  }
}

let asked = 0

/** Runs it on the machine's console, and returns the last line it printed, told down the line to the outside. */
async function ask(machine: Machine, said: string[], command: string): Promise<string> {
  const number = ++asked
  machine.type(`{ ${command}; } 2>&1 | tail -n 1 | sed 's/^/@said ${number} /' >/dev/ttyS1`)
  const answer = () => said.find((line) => line.startsWith(`${number} `))
  const line = await waitFor(answer, { what: `an answer to: ${command}`, timeoutMs: bootMs })
  return line.slice(`${number} `.length)
}

async function tell(
  machine: Machine,
  said: string[],
  command: string,
  expected: string,
): Promise<void> {
  assert.equal(await ask(machine, said, command), expected, command)
}
