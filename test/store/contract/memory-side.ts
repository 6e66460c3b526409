// The memory store, for the contract.
import { ClockWitness } from '../../../control-plane/lease/clock-witness.ts'
import * as fence from '../../../control-plane/store/memory/fence.ts'
import { MemoryDatabase } from '../../../control-plane/store/memory/database.ts'
import { readCluster } from '../../../control-plane/store/memory/read.ts'
import { type ClusterState, newClusterState } from '../../../control-plane/store/memory/state.ts'
import { addActor } from '../../../control-plane/store/memory/operator-columns.ts'
import { memoryOperatorStore } from '../../../control-plane/store/memory/operators.ts'
import { memoryRoundStore } from '../../../control-plane/store/memory/rounds.ts'
import { memoryAgentStore, memoryLane } from '../../../control-plane/store/memory/stores.ts'
import * as rows from '../../../control-plane/store/memory/wishes.ts'
import { hashSecret } from '../../../control-plane/store/secrets.ts'
import type { Settings } from '../../../shared/settings.ts'
import { Chance } from '../../sim/random.ts'
import { type SharedClock, type Side, type Wishes } from './side.ts'
import { wishesOver } from './wishes-over.ts'

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
  const operators = memoryOperatorStore(memory)
  const wishes: Wishes = {
    ...wishesOver(operators, clusterId),
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
    ...{ wishes, operators, random, clusterId, clusterUuid: uuid, witness: new ClockWitness() },
    operatorToken: (token) => write((state) => addActor(state, { ...token, expiresMs: null })),
    audit: async () => memory.cluster(clusterId).operators.audit,
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
