// One driver in a process of its own inside a machine, told what to do line by line. Stands where the agent would.
import { createInterface } from 'node:readline'
import { hostDrivers } from '../../agent/drivers/host-drivers.ts'
import type { Asked } from '../../agent/drivers/driver.ts'
import { systemClock } from '../../shared/clock.ts'

type Call = { id: number; method: string; args: unknown[] }

const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`)
const setup = JSON.parse(process.argv[2] ?? '{}')
const driver = hostDrivers
  .find((one) => one.type === setup.type)
  ?.create({
    ...{ home: '/var/lib/holdfast', runDirectory: '/run/holdfast', node: 'n1', bootId: 'boot-1' },
    ...{ owner: setup.owner, clock: systemClock(), log: () => {} },
    ...{ libvirtUri: 'qemu:///system', libvirtAddress: 'qemu+tls://n1/system' },
    events: {
      exited: (sid, generation, detail) => say({ exited: { sid, generation, detail } }),
      arrived: () => {},
    },
  })
if (!driver) throw new Error(`no driver for ${setup.type}`)
say({ ready: true })

createInterface({ input: process.stdin })
  .on('line', (line) => void answer(JSON.parse(line) as Call))
  .on('close', () => process.exit())

async function answer({ id, method, args }: Call): Promise<void> {
  try {
    say({ id, result: (await run(method, args)) ?? null })
  } catch (error) {
    say({ id, error: (error as Error).message })
  }
}

function run(method: string, args: unknown[]): unknown {
  if (!driver) return null
  if (method === 'survey') return driver.survey(args[0] as Asked[], args[1] as Asked[])
  if (method === 'stop') return driver.stop(args[0] as string, args[1] as number)
  if (method === 'prepare') return driver.prepare(args[0] as string, args[1] as number)
  if (method === 'measure') return driver.measure?.()
  const [sid, generation, spec, may] = args as [string, number, unknown, boolean]
  return driver.start({ sid, generation, spec, mayStart: () => may })
}
