// The memory store, for the contract.
import { ClockWitness } from '../../../control-plane/lease/clock-witness.ts'
import { confirmDead } from '../../../control-plane/store/memory/confirm-dead.ts'
import * as fence from '../../../control-plane/store/memory/fence.ts'
import { MemoryDatabase } from '../../../control-plane/store/memory/database.ts'
import { readCluster } from '../../../control-plane/store/memory/read.ts'
import { type ClusterState, newClusterState } from '../../../control-plane/store/memory/state.ts'
import { memoryRoundStore } from '../../../control-plane/store/memory/rounds.ts'
import { memoryAgentStore, memoryLane } from '../../../control-plane/store/memory/stores.ts'
import * as rows from '../../../control-plane/store/memory/wishes.ts'
import { hashSecret } from '../../../control-plane/store/secrets.ts'
import type { Settings } from '../../../shared/settings.ts'
import { Chance } from '../../sim/random.ts'
import { confirmedBy, configOf, told, type SharedClock, type Side, type Wishes } from './side.ts'

export function memorySide(
  clock: SharedClock,
  settings: Settings,
  { id: clusterId, name }: { id: number; name: string },
): Side {
  const random = new Chance(name)
  const server = { systemId: 'system', timeline: '1', postmasterStart: 'start' }
  const memory = new MemoryDatabase(() => clock.nowMs, server)
  const [uuid, planeUuid] = [random.uuid(), random.uuid()]
  memory.clusters = {
    [clusterId]: newClusterState({
      ...{ id: clusterId, uuid, name, development: true, settings, planeUuid, server },
      nowMs: clock.nowMs,
    }),
  }
  const write = async (change: (state: ClusterState) => ClusterState) =>
    memory.commit(clusterId, (state) => ({ state: change(state), result: undefined }))
  const wishes: Wishes = {
    addService: (wish) => write((state) => rows.putService(state, wish.sid, configOf(wish))),
    setRequested: (sid, requested) => write((state) => rows.setRequested(state, sid, requested)),
    deleteService: (sid) => write((state) => rows.deleteService(state, sid)),
    addCommand: (command) => write((state) => rows.addCommand(state, command)),
    setMaintenance: (uid, isOn) => write((state) => rows.setMaintenance(state, uid, isOn)),
    removeNode: (uid) => write((state) => rows.removeNode(state, uid)),
    confirmDead: async (node, force) =>
      told(
        memory.commit(clusterId, (state) => {
          const wish = { ...confirmedBy, clusterId, node, force }
          const { state: next, answer } = confirmDead(state, wish, clock.nowMs)
          return { state: next, result: answer }
        }),
      ),
    addGroup: (group) => write((state) => rows.putGroup(state, group)),
    deleteGroup: (name) => write((state) => rows.deleteGroup(state, name)),
    addRule: (rule) => write((state) => rows.putRules(state, [...state.rules, rule])),
    deleteRule: (id) =>
      write((state) =>
        rows.putRules(
          state,
          state.rules.filter((rule) => rule.id !== id),
        ),
      ),
    settings: (next) => write((state) => rows.putSettings(state, next, clock.nowMs)),
    usage: async (all) => memory.noteUsage(all),
    fenceDevice: (uid, device) => write((state) => fence.putFenceDevice(state, uid, device)),
    deleteFenceDevice: (uid, name) => write((state) => fence.deleteFenceDevice(state, uid, name)),
    joinToken: (secret, usesLeft, node) =>
      write((state) => {
        const expiresMs = clock.nowMs + 86_400_000
        return rows.addToken(state, { hash: hashSecret(secret), node, usesLeft, expiresMs })
      }),
    otherServer: (which) =>
      write((state) => ({
        ...state,
        server: {
          ...state.server,
          ...(which === 'restarted' && { postmasterStart: 'another' }),
          ...(which === 'promoted' && { timeline: 'another' }),
          ...(which === 'replaced' && { systemId: 'another' }),
        },
      })),
  }
  return {
    ...{ wishes, random, clusterId, clusterUuid: uuid, witness: new ClockWitness() },
    agents: memoryAgentStore(memory, random),
    lane: memoryLane(memory),
    rounds: memoryRoundStore(memory),
    fences: fence.memoryFenceStore(memory, { trip: async (work) => work() }),
    view: async () => readCluster(memory.cluster(clusterId), memory.server, clock.nowMs).view,
    all: async () => {
      const read = readCluster(memory.cluster(clusterId), memory.server, clock.nowMs)
      return { ...read, known: null }
    },
    close: async () => {},
  }
}
