// The driver contract for virtual machines, under a real libvirt daemon and a real QEMU.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { driverContract } from '../drivers/contract.ts'
import { createGuest } from './guest.ts'
import { type LibvirtHost, startLibvirtHosts, whyNoLibvirt } from './libvirt-host.ts'
import { driverOn } from './vm-node.ts'

const whyNot = whyNoLibvirt()
let host: LibvirtHost
beforeAll(async () => {
  if (whyNot === null) [host] = (await startLibvirtHosts(1)) as [LibvirtHost]
})
afterAll(async () => {
  if (whyNot === null) await host.end()
})

driverContract('vm', whyNot, () => {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-vm-'))
  const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
  const [uuid, foreign] = [randomUUID(), randomUUID()]
  const runs = createGuest(join(home, 'runs'), 'counts', uuid)
  const deaf = createGuest(join(home, 'deaf'), 'deaf', uuid)
  const { virsh } = host
  const crash = () => {
    for (const pid of host.machines(uuid)) process.kill(pid, 'SIGKILL')
    return Promise.resolve()
  }
  return {
    sid: 'vm:100',
    specs: {
      runs: { xml: runs.xml },
      fails: { xml: runs.xml.replace('disk.img', 'missing.img') },
      invalid: { xml: runs.xml.replace('</domain>', '') },
      deaf: { xml: deaf.xml },
    },
    createDriver: (events) => driverOn(host, { home, owner, events }),
    createForeign: (events) =>
      driverOn(host, { home: join(home, 'n2'), owner: { ...owner, nodeUid: foreign }, events }),
    crash,
    isAlive: () => Promise.resolve(host.machines(uuid).length > 0),
    async startByOthers() {
      const file = join(home, 'runs', 'by-hand.xml')
      writeFileSync(file, runs.xml)
      await virsh('create', file)
      await virsh('define', file)
      await virsh('start', uuid)
      await virsh('undefine', uuid)
    },
    noticesWithinMs: 1_000,
    patienceMs: 2_000,
    async end() {
      await crash()
      await virsh('undefine', uuid)
      for (const node of [owner.nodeUid, foreign])
        rmSync(join(host.hooks, 'qemu.d', `holdfast-${node}`), { force: true })
      rmSync(home, { recursive: true, force: true })
    },
  }
})
