// The seam between the agents' routes and where clusters are kept. Requests become rows; nothing is decided here.
import type postgres from 'postgres'
import type { NodeQuestion } from '../../shared/node-question.ts'
import type { EpochAnswer, EpochRequest, JoinRequest } from '../../shared/protocol.ts'
import type { Random } from '../../shared/random.ts'
import type { Timing } from '../../shared/timing.ts'
import { readDesired, type StoredDesired } from './desired.ts'
import { readManaged, type StoredManaged } from './managed.ts'
import { tellQuestion } from './node-questions.ts'
import {
  epochStanding,
  findNode,
  join,
  type Joined,
  type JoinRefusal,
  type KnownNode,
  requestEpoch,
} from './nodes.ts'

export interface AgentStore {
  /** The node a credential belongs to, or null. */
  findNode(credential: string): Promise<KnownNode | null>
  join(request: JoinRequest): Promise<Joined | JoinRefusal>
  /** Writes down a request for an epoch, for the CRM to answer. */
  requestEpoch(clusterId: number, request: EpochRequest): Promise<void>
  /** Where that request stands. */
  epochStanding(request: EpochRequest, timing: Timing): Promise<EpochAnswer>
  /** What the node is to do; `document` null where it equals what the node has. */
  readDesired(
    nodeUid: string,
    has: { planeEpoch: number; revision: number },
  ): Promise<StoredDesired | null>
  /** What it is to keep start gates for; \`services\` null where their digest is the one that is given. */
  readManaged(nodeUid: string, has: string | null): Promise<StoredManaged | null>
  /** What the node is to be asked now, noted as told; null: nothing. Absent: nobody asks here. */
  tellQuestion?(nodeUid: string): Promise<NodeQuestion | null>
}

/** Clusters as Postgres keeps them. */
export function postgresAgentStore(sql: postgres.Sql, random: Random): AgentStore {
  return {
    findNode: (credential) => findNode(sql, credential),
    join: (request) => join(sql, request, random),
    requestEpoch: (clusterId, request) => requestEpoch(sql, clusterId, request),
    epochStanding: (request, timing) => epochStanding(sql, request, timing),
    readDesired: (nodeUid, has) => readDesired(sql, nodeUid, has),
    readManaged: (nodeUid, has) => readManaged(sql, nodeUid, has),
    tellQuestion: (nodeUid) => tellQuestion(sql, nodeUid),
  }
}
