// The contract of live moves for virtual machines, between two real libvirt daemons.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { moveContract } from '../drivers/move-contract.ts'
import { createGuest } from './guest.ts'
import { type LibvirtHost, startLibvirtHosts, whyNoLibvirt } from './libvirt-host.ts'
import { driverOn } from './vm-node.ts'

const whyNot = whyNoLibvirt()
let hosts: { n1: LibvirtHost; n2: LibvirtHost }
beforeAll(async () => {
  if (whyNot !== null) return
  const [n1, n2] = (await startLibvirtHosts(2)) as [LibvirtHost, LibvirtHost]
  hosts = { n1, n2 }
}, 60_000)
afterAll(async () => {
  if (whyNot === null) for (const host of Object.values(hosts)) await host.end()
})

moveContract('vm', 'peer to peer', whyNot, () => {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-vm-'))
  const guest = createGuest(join(home, 'guest'), 'counts', randomUUID())
  const clusterUuid = randomUUID()
  const uids = { n1: randomUUID(), n2: randomUUID() }
  const machinesOn = (node: 'n1' | 'n2') => hosts[node].machines(guest.uuid)
  return {
    sid: 'vm:100',
    // Both hosts see the files of this machine, which libvirt cannot know.
    spec: { xml: guest.xml, migrateUnsafe: true },
    createDriver: (node, events) =>
      driverOn(hosts[node], {
        ...{ home: join(home, node), owner: { clusterUuid, nodeUid: uids[node] }, events },
      }),
    livesOn: () =>
      Promise.resolve((['n1', 'n2'] as const).filter((node) => machinesOn(node).length > 0)),
    async end() {
      for (const node of ['n1', 'n2'] as const) {
        for (const pid of machinesOn(node)) process.kill(pid, 'SIGKILL')
        rmSync(join(hosts[node].hooks, 'qemu.d'), { recursive: true, force: true })
      }
      await Promise.resolve()
      rmSync(home, { recursive: true, force: true })
    },
  }
})
