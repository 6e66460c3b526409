// Two nodes, each on a host of its own, and one virtual machine that is to move from the first to the second.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Driver, MigrateResult } from '../../../agent/drivers/driver.ts'
import type { MoveProgress } from '../../../shared/live-move.ts'
import { createGuest, type Guest, type GuestKind, readCount } from './guest.ts'
import type { LibvirtHost } from './libvirt-host.ts'
import { driverOn } from './vm-node.ts'

export const sid = 'vm:100'

export type Node = {
  host: LibvirtHost
  driver: Driver
  /** What the driver told: `exited 5`, `arrived 6`. */
  told: string[]
  /** The agent's process ends, and the next one begins. */
  nextAgent(): void
}

export type Pair = {
  source: Node
  target: Node
  guest: Guest
  spec: { xml: string; migrateUnsafe: boolean }
  progress: MoveProgress[]
  /** Runs at the source under generation 5, and has begun to count. */
  running(): Promise<void>
  /** The target listens for generation 6; where. */
  listening(): Promise<string>
  move(address: string, timeoutMs?: number): Promise<MigrateResult>
  /** Begins a move that takes for ever, and is under way when this resolves. */
  slowMove(timeoutMs?: number): Promise<{ address: string; result: Promise<MigrateResult> }>
  end(): Promise<void>
}

export function createPair(hosts: LibvirtHost[], kind: GuestKind): Pair {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-move-'))
  const guest = createGuest(join(home, 'guest'), kind, randomUUID())
  const clusterUuid = randomUUID()
  const nodes = hosts.map((host, at) => createNode(host, join(home, `n${at + 1}`), clusterUuid))
  const [source, target] = nodes as [Node, Node]
  // Both hosts see the files of this machine, which libvirt cannot know.
  const spec = { xml: guest.xml, migrateUnsafe: true }
  const progress: MoveProgress[] = []
  const pair: Pair = {
    ...{ source, target, guest, spec, progress },
    async running() {
      const started = await source.driver.start({ sid, generation: 5, spec, mayStart: () => true })
      expect(started).toMatchObject({ outcome: 'ok' })
      if (kind !== 'talks') await counting(guest)
    },
    async listening() {
      const request = { sid, generation: 6, spec, from: 'n1', mayBegin: () => true }
      const received = await target.driver.receive!(request)
      expect(received).toMatchObject({ outcome: 'ok' })
      return received.address!
    },
    move: (address, timeoutMs = 60_000) =>
      source.driver.migrate!({
        ...{ sid, generation: 5, marked: 5, spec, target: 'n2', address, timeoutMs },
        mayBegin: () => true,
        onProgress: (one) => void progress.push(one),
      }),
    async slowMove(timeoutMs = 60_000) {
      await pair.running()
      await source.host.virsh('migrate-setspeed', guest.uuid, '1')
      const address = await pair.listening()
      const result = pair.move(address, timeoutMs)
      const isMoving = async () => {
        const { stdout } = await source.host.virsh('domjobinfo', guest.uuid)
        return /Outgoing migration/.test(stdout) && target.host.machines(guest.uuid).length > 0
      }
      await expect.poll(isMoving, { timeout: 20_000, interval: 100 }).toBe(true)
      await expect.poll(() => progress.length, { timeout: 20_000 }).toBeGreaterThan(0)
      return { address, result }
    },
    async end() {
      for (const { host, driver } of nodes) {
        for (const pid of host.machines(guest.uuid)) process.kill(pid, 'SIGKILL')
        await driver.stop(sid, 0)
        driver.detach()
        rmSync(join(host.hooks, 'qemu.d'), { recursive: true, force: true })
      }
      rmSync(home, { recursive: true, force: true })
    },
  }
  return pair
}

function createNode(host: LibvirtHost, home: string, clusterUuid: string): Node {
  const owner = { clusterUuid, nodeUid: randomUUID() }
  const told: string[] = []
  const events = {
    exited: (_: string, generation: number) => void told.push(`exited ${generation}`),
    arrived: (_: string, generation: number) => void told.push(`arrived ${generation}`),
  }
  const node: Node = {
    ...{ host, told, driver: driverOn(host, { home, owner, events }) },
    nextAgent() {
      node.driver.detach()
      node.driver = driverOn(host, { home, owner, events })
    },
  }
  return node
}

/** Resolves when it counts on from here. */
export async function counting(guest: Guest): Promise<void> {
  const { count } = readCount(guest)
  await expect.poll(() => readCount(guest).count, { timeout: 30_000 }).toBeGreaterThan(count + 2)
}
