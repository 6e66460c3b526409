// An agent begins while libvirt's daemon is dead, or hangs: its machines are neither gone nor to be ended for that, and what
// its other drivers say is told without it.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { createProcessDriver } from '../../../agent/drivers/process/process-driver.ts'
import { createLook } from '../../../agent/lrm/look.ts'
import { systemClock, systemTimers } from '../../../shared/clock.ts'
import { createGuest, type Guest } from './guest.ts'
import { type LibvirtHost, startLibvirtHosts, whyNoLibvirt } from './libvirt-host.ts'
import { counting, sid } from './pair.ts'
import { driverOn } from './vm-node.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: libvirt away at the agent's start: ${whyNot}\n`)

const title = whyNot === null ? 'libvirt' : `libvirt (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(
  `${title} is away when an agent begins`,
  { timeout: 120_000 },
  () => {
    let host: LibvirtHost
    let home: string
    let guest: Guest
    let first: Driver
    let next: Driver
    const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
    const events = { exited: () => {}, arrived: () => {} }
    const mine = [{ sid, generation: 1, state: 'running' }]

    beforeAll(async () => {
      ;[host] = (await startLibvirtHosts(1)) as [LibvirtHost]
    })
    afterAll(() => host.end())
    beforeEach(async () => {
      home = mkdtempSync(join(tmpdir(), 'holdfast-vm-'))
      guest = createGuest(join(home, 'guest'), 'counts', randomUUID())
      first = driverOn(host, { home, owner, events })
      const request = { sid, generation: 1, spec: { xml: guest.xml }, mayStart: () => true }
      expect(await first.start(request)).toMatchObject({ outcome: 'ok' })
      first.detach()
    })
    afterEach(async () => {
      await next.stop(sid, 0)
      next.detach()
      rmSync(home, { recursive: true, force: true })
    })

    test('dead: its machine is not to be told, and is found running once the daemon is back', async () => {
      await host.killDaemon()
      next = driverOn(host, { home, owner, events })
      try {
        expect(await next.survey()).toEqual([{ sid, generation: 1, state: 'unseen' }])
      } finally {
        await host.startDaemon()
      }
      await counting(guest)
      expect(await next.survey()).toEqual(mine)
    })

    test('hanging: the look ends soon, tells what runs otherwise, and knows nothing of machines', async () => {
      next = driverOn(host, { home, owner, events })
      const other = createProcessDriver({
        ...{ owner, node: 'n1', bootId: 'boot-1', clock: systemClock(), events },
        home: mkdtempSync(join(home, 'process-')),
      })
      const web = { sid: 'process:web', generation: 4, spec: { command: ['sleep', '600'] } }
      expect(await other.start({ ...web, mayStart: () => true })).toMatchObject({ outcome: 'ok' })
      const look = createLook([other, next], systemTimers)
      host.pauseDaemon()
      try {
        const began = performance.now()
        const seen = await look([])
        expect(performance.now() - began).toBeLessThan(5_000)
        expect(seen).toMatchObject({
          found: [{ sid: web.sid, generation: 4, state: 'running' }],
          blind: [{ type: 'vm' }],
        })
        // It is not asked again while it has not answered.
        expect(await look([])).toMatchObject({
          blind: [{ type: 'vm', why: 'it has not answered the look before' }],
        })
      } finally {
        host.resumeDaemon()
        await other.stop(web.sid, 0)
        other.detach()
      }
      await expect.poll(() => look([]), { timeout: 30_000 }).toMatchObject({ blind: [] })
      expect(await look([])).toMatchObject({ found: mine })
    })
  },
)
