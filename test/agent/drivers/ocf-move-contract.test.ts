// The contract of live moves for resource agents: a real one of the package that everybody has, and one that carries its state
// from node to node.
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostDrivers } from '../../../agent/drivers/host-drivers.ts'
import { createOcfDriver, usualOcfRoot } from '../../../agent/drivers/ocf/ocf-driver.ts'
import { systemClock } from '../../../shared/clock.ts'
import { carriedAgent, makeCarriedAgent } from './carried-agent.ts'
import { moveContract, type MoveRig } from './move-contract.ts'

const operations = { monitor: { intervalMs: 500 } }
const whyNot = hostDrivers.find(({ type }) => type === 'ocf')!.whyNot()

moveContract('ocf', 'ocf:heartbeat:Dummy', whyNot, () =>
  rigOf({
    spec: () => ({ agent: 'ocf:heartbeat:Dummy', operations, live: true }),
    rootOf: (home, node) => withScratch(join(home, node)),
    isOn: (home, node) => existsSync(join(home, node, 'tmp', 'Dummy-a.state')),
  }),
)

moveContract('ocf', 'an agent that carries its state', whyNot, () =>
  rigOf({
    spec: (home) => ({ agent: carriedAgent, parameters: { dir: home }, live: true }),
    rootOf: (home) => makeCarriedAgent(home),
    isOn: (home, node) => existsSync(join(home, node, 'runs')),
  }),
)

type Subject = {
  spec: (home: string) => unknown
  /** Where the agents of a node are. */
  rootOf: (home: string, node: string) => string
  isOn: (home: string, node: string) => boolean
}

function rigOf({ spec, rootOf, isOn }: Subject): MoveRig {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-ocf-'))
  const clusterUuid = randomUUID()
  const uids = { n1: randomUUID(), n2: randomUUID() }
  return {
    sid: 'ocf:a',
    spec: spec(home),
    createDriver: (node, events) =>
      createOcfDriver('ocf', {
        ...{ home: join(home, node, 'agent'), runDirectory: join(home, node, 'run'), node, events },
        ...{ owner: { clusterUuid, nodeUid: uids[node] }, bootId: 'boot-1', log: () => {} },
        ...{ clock: systemClock(), ocfRoot: rootOf(home, node) },
      }),
    livesOn: () => Promise.resolve(['n1', 'n2'].filter((node) => isOn(home, node))),
    end: () => Promise.resolve(rmSync(home, { recursive: true, force: true })),
  }
}

/** The agents of this host, with a scratch folder (HA_RSCTMP) of their own: as on another machine. */
function withScratch(folder: string): string {
  const root = join(folder, 'ocf')
  if (existsSync(root)) return root
  mkdirSync(join(root, 'resource.d', 'heartbeat'), { recursive: true })
  mkdirSync(join(folder, 'tmp'))
  symlinkSync(join(usualOcfRoot, 'lib'), join(root, 'lib'))
  const agent = join(root, 'resource.d', 'heartbeat', 'Dummy')
  const real = join(usualOcfRoot, 'resource.d', 'heartbeat', 'Dummy')
  writeFileSync(agent, `#!/bin/sh\nexport HA_RSCTMP=${join(folder, 'tmp')}\nexec ${real} "$@"\n`)
  chmodSync(agent, 0o755)
  return root
}
