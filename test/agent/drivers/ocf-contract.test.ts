// The driver contract for resource agents: one, and several as one service.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverEvents } from '../../../agent/drivers/driver.ts'
import { hostDrivers } from '../../../agent/drivers/host-drivers.ts'
import { systemClock } from '../../../shared/clock.ts'
import { createOcfDriver } from '../../../agent/drivers/ocf/ocf-driver.ts'
import { driverContract } from './contract.ts'
import type { DriverRig } from './rig.ts'

const whyNot = hostDrivers.find(({ type }) => type === 'ocf')!.whyNot()
const operations = { monitor: { intervalMs: 500 } }

const dummy = (state: string) => ({
  ...{ agent: 'ocf:heartbeat:Dummy', parameters: { state }, operations },
})

driverContract('ocf', whyNot, () =>
  rigOf('ocf', (home) => {
    const state = join(home, 'state')
    return {
      runs: dummy(state),
      fails: dummy('/does/not/exist/state'),
      invalid: { ...dummy(state), parameters: { sate: state } },
      crash: () => rmSync(state),
      isAlive: () => existsSync(state),
    }
  }),
)

driverContract('ocf-group', whyNot, () =>
  rigOf('ocf-group', (home) => {
    const states = ['first', 'second', 'third'].map((name) => join(home, name))
    const members = states.map((state, index) => ({ name: `m${index}`, ...dummy(state) }))
    return {
      runs: { members },
      fails: { members: [...members, { name: 'last', ...dummy('/does/not/exist/state') }] },
      invalid: { members: [members[0], members[0]] },
      crash: () => rmSync(states[1]!),
      isAlive: () => states.some((state) => existsSync(state)),
    }
  }),
)

type Subject = Pick<DriverRig['specs'], 'runs' | 'fails' | 'invalid'> & {
  crash(): void
  isAlive(): boolean
}

function rigOf(type: 'ocf' | 'ocf-group', createSubject: (home: string) => Subject): DriverRig {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-ocf-'))
  const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
  const subject = createSubject(home)
  const { runs, fails, invalid } = subject
  const create = (nodeUid: string, folder: string) => (events: DriverEvents) =>
    createOcfDriver(type, {
      ...{ home: join(home, folder), runDirectory: join(home, 'run', folder), node: folder },
      ...{ owner: { ...owner, nodeUid }, bootId: 'boot-1', events, log: () => {} },
      clock: systemClock(),
    })
  return {
    sid: `${type}:a`,
    specs: { runs, fails, invalid, deaf: null },
    createDriver: create(owner.nodeUid, 'n1'),
    createForeign: create(randomUUID(), 'n2'),
    crash: () => Promise.resolve(subject.crash()),
    isAlive: () => Promise.resolve(subject.isAlive()),
    startByOthers: null,
    // The monitor interval, and what a call takes on a busy machine.
    noticesWithinMs: 2_000,
    patienceMs: 5_000,
    end: () => Promise.resolve(rmSync(home, { recursive: true, force: true })),
  }
}
