// Epochs, histories and orders: what the agent believes of the plane, and what it answers about its host.
import { describe, expect, test } from 'vitest'
import type { Effect } from '../../agent/lrm/decide/effect.ts'
import { World } from './world.ts'

const sid = 'process:a'
const kinds = (effects: Effect[]) => effects.map(({ kind }) => kind)

function node(options: { run?: boolean } = {}): World {
  const world = new World()
  world.run1s()
  if (options.run) {
    world.plane.grant(sid)
    world.run1s()
  }
  world.done = []
  return world
}

const asked = (world: World) =>
  world.done.flatMap((effect) => (effect.kind === 'ask-epoch' ? [effect] : []))

describe('a fenced agent', () => {
  test('stops everything, closes its watchdog, and only then asks for a new epoch (M10)', () => {
    const world = node({ run: true })
    world.plane.revoke()
    world.run1s(3)
    const order = kinds(world.done).filter((kind) =>
      ['stop', 'close-watchdog', 'ask-epoch'].includes(kind),
    )
    expect(order.slice(0, 3)).toEqual(['stop', 'close-watchdog', 'ask-epoch'])
    expect(world.lrm.epoch?.number).toBe(2)
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.host.size).toBe(0)
    expect(world.breaches).toEqual([])
  })

  test('that dies while stopping is followed by one that stops the rest before it asks', () => {
    const world = node({ run: true })
    world.plane.revoke()
    for (let tick = 0; tick < 100 && world.disk.journal?.epoch?.state !== 'fenced'; tick++) {
      const index = world.pending.findIndex(({ effect }) => !['poll', 'stop'].includes(effect.kind))
      if (index >= 0) world.finish(index)
      else world.pass(50)
    }
    expect(world.host.size).toBe(1)
    world.crash()
    world.done = []
    world.run1s(3)
    expect(kinds(world.done).indexOf('stop')).toBeLessThan(kinds(world.done).indexOf('ask-epoch'))
    expect(world.host.size).toBe(0)
  })
})

describe('an answer to a challenge', () => {
  test('comes from a look at the host that began after it, never from the journal (S3, S15d)', () => {
    const world = node({ run: true })
    // The journal is lost and the service runs on.
    world.disk = { journal: null, note: null }
    world.crash()
    world.run1s()
    const surveys = world.done.map(({ kind }) => kind).filter((kind) => kind === 'survey')
    expect(surveys.length).toBeGreaterThanOrEqual(2)
    expect(asked(world).at(-1)?.found).toEqual([{ sid, generation: 1, state: 'running' }])
    expect(world.host.get(sid)).toBe(1)
    expect(world.plane.epoch).toBe(2)
    expect(world.breaches).toEqual([])
  })

  test('says stopped only after the generation was ended on disk', () => {
    const world = node({ run: true })
    world.host.clear()
    world.disk = { journal: null, note: null }
    world.crash()
    world.run1s(2)
    const answers = asked(world).flatMap(({ found }) => found)
    expect(answers).toContainEqual({ sid, generation: 1, state: 'stopped' })
    expect(world.disk.journal?.closed).toEqual({ [sid]: 1 })
    expect(world.breaches).toEqual([])
  })

  test('calls another generation of the same service a doubt', () => {
    const world = node()
    world.plane.order(sid, 'started', { generation: 7 })
    world.host.set(sid, 6)
    world.disk = { journal: null, note: null }
    world.crash()
    world.settle(12)
    const answers = asked(world).flatMap(({ found }) => found)
    expect(answers).toContainEqual({ sid, generation: 7, state: 'unknown' })
    expect(answers).not.toContainEqual({ sid, generation: 7, state: 'stopped' })
  })
})

describe('a journal of another boot', () => {
  test('counts only for epochs, plane epoch and what was ended (M13)', () => {
    const world = node({ run: true })
    const { journal } = world.disk
    world.reset()
    expect(world.lrm.epoch).toBe(null)
    expect(world.lrm.lease).toBe(null)
    expect(world.lrm.journal.started).toEqual({})
    expect(world.lrm.planeEpoch).toEqual(journal?.planeEpoch)
    world.run1s(2)
    expect(world.plane.epoch).toBe(2)
    expect(world.breaches).toEqual([])
  })

  test('what is found in a new boot without a grant is killed before an epoch is asked for (S8)', () => {
    const world = node({ run: true })
    world.reset()
    world.host.set(sid, 1)
    world.crash()
    world.done = []
    world.run1s(2)
    expect(world.host.size).toBe(0)
    expect(kinds(world.done).indexOf('stop')).toBeLessThan(kinds(world.done).indexOf('ask-epoch'))
  })
})

describe('the plane epoch', () => {
  test('a newer one voids every confirm; what runs, runs on, and is confirmed anew (S5b)', () => {
    const world = node({ run: true })
    world.plane.changeHistory()
    world.run1s(2)
    expect(world.host.get(sid)).toBe(1)
    expect(kinds(world.done)).not.toContain('stop')
    expect(world.plane.confirmed.has(`1/2/${sid}/1`)).toBe(true)
    expect(world.disk.journal?.planeEpoch?.number).toBe(2)
    expect(world.breaches).toEqual([])
  })

  test('a lower one, or an equal one with another uuid, is refused', () => {
    const world = node({ run: true })
    world.plane.changeHistory()
    world.run1s()
    const lease = world.lrm.lease
    const stale = world.plane.planeEpoch
    for (const planeEpoch of [
      { ...stale, number: 1 },
      { ...stale, uuid: '99999999-9999-4999-8999-999999999999' },
    ]) {
      world.pass(600)
      const sent = world.done.flatMap((e) => (e.kind === 'renew' ? [e.request] : [])).at(-1)
      const { seq, epoch } = sent ?? { seq: 0, epoch: 0 }
      const answer = { epoch, seq, leaseMs: 999_999, planeEpoch, revision: 1, confirmed: [] }
      world.pending = world.pending.filter(({ effect }) => effect.kind !== 'renew')
      world.decide([
        {
          kind: 'lease-granted',
          seq,
          answer: { ...answer, released: false, unguarded: false, serverTimeMs: 0 },
        },
      ])
      expect(world.lrm.lease?.leaseMs).toBe(lease?.leaseMs)
      expect(world.lrm.planeEpoch).toEqual(stale)
    }
  })

  test('what the new history does not know is left running; under the history it was joined in it would be stopped', () => {
    const world = node({ run: true })
    world.plane.changeHistory()
    world.plane.drop(sid)
    world.run1s(3)
    expect(world.host.get(sid)).toBe(1)
    const other = node({ run: true })
    other.plane.drop(sid)
    other.run1s(3)
    expect(other.host.size).toBe(0)
  })
})

describe('orders', () => {
  test('of another cluster or node, and older ones, are not obeyed', () => {
    const world = node({ run: true })
    const desired = world.plane.desired()
    const stop = { ...desired.services[0], state: 'request_stop', uid: 'ux' }
    const services = [stop] as typeof desired.services
    const revision = desired.revision + 5
    const foreign = '99999999-9999-4999-8999-999999999999'
    const docs = [
      { ...desired, services, revision, clusterUuid: foreign },
      { ...desired, services, revision, nodeUid: foreign },
      { ...desired, services, revision: desired.revision - 1 },
    ]
    for (const doc of docs) {
      world.pass(500)
      world.settle(3)
      const { id } = world.lrm.poll
      world.pending = world.pending.filter(({ effect }) => effect.kind !== 'poll')
      world.decide([{ kind: 'desired', id, desired: doc }])
      expect(world.host.get(sid)).toBe(1)
      expect(kinds(world.done)).not.toContain('stop')
    }
  })

  test('a restart stops and starts once under the same generation, and answers its uid', () => {
    const world = node({ run: true })
    const { uid } = world.plane.order(sid, 'started', { restart: true })
    world.run1s(2)
    expect(kinds(world.done).filter((kind) => kind === 'stop' || kind === 'start')).toEqual([
      'stop',
      'start',
    ])
    expect(world.plane.results.get(uid)).toBe('ok')
    expect(world.host.get(sid)).toBe(1)
    world.crash()
    world.done = []
    world.run1s(2)
    expect(kinds(world.done)).not.toContain('stop')
  })

  test('freeze, error and ignored leave a service as it is', () => {
    for (const state of ['freeze', 'error', 'ignored'] as const) {
      const world = node({ run: true })
      world.plane.order(sid, state)
      world.run1s(2)
      expect(world.host.get(sid)).toBe(1)
      expect(kinds(world.done)).not.toContain('stop')
      world.host.delete(sid)
      world.decide([{ kind: 'exited', sid, generation: 1, detail: 'gone' }])
      world.run1s(2)
      expect(kinds(world.done)).not.toContain('start')
    }
  })

  test('a stop that cannot be verified is answered with its failure, and the generation stays open (D12, M18)', () => {
    const world = node({ run: true })
    const { uid } = world.plane.order(sid, 'request_stop')
    for (let tick = 0; tick < 30; tick++) {
      const index = world.pending.findIndex(({ effect }) => effect.kind === 'stop')
      if (index >= 0) world.finish(index, 'fail')
      world.settleBut(['stop'])
      world.pass(100)
    }
    expect(world.plane.results.get(uid)).toBe('timeout')
    expect(world.plane.closed.size).toBe(0)
    expect(world.device.running).toBe(true)
    world.run1s(3)
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.breaches).toEqual([])
  })

  test('a kind of service this node has no driver for is answered so, and ended', () => {
    const world = node()
    const { uid } = world.plane.grant('vm:100')
    world.run1s()
    expect(world.plane.results.get(uid)).toBe('unknown-service')
    expect(world.plane.closed.get('vm:100')).toBe(1)
  })

  test('no more than maxWorkers starts are under way at once', () => {
    const world = node()
    for (let number = 0; number < 10; number++) world.plane.grant(`process:s${number}`)
    let most = 0
    for (let tick = 0; tick < 60; tick++) {
      world.settleBut(['start'])
      most = Math.max(most, world.pending.filter(({ effect }) => effect.kind === 'start').length)
      const index = world.pending.findIndex(({ effect }) => effect.kind === 'start')
      if (index >= 0) world.finish(index)
    }
    expect(most).toBe(4)
    expect(world.host.size).toBe(10)
  })
})
