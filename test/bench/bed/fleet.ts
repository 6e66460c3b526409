// Many nodes at once, as rows: admitted, with an open lease epoch and a desired state, as joins and rounds leave them.
// For benches that are not about how nodes get there.
import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { hashSecret } from '../../../control-plane/store/secrets.ts'
import type { Desired, LeaseRequest } from '../../../shared/protocol.ts'
import { profiles, type Timing } from '../../../shared/timing.ts'
import type { BenchCluster } from './bed.ts'

export type FleetNode = {
  cluster: BenchCluster
  uid: string
  name: string
  credential: string
  bootId: string
  seq: number
}

const servicesEach = 3

/** `count` nodes of `cluster`. Their own agents are up to the bench. */
export async function makeFleet(
  sql: postgres.Sql,
  cluster: BenchCluster,
  count: number,
): Promise<FleetNode[]> {
  const nodes = Array.from({ length: count }, (_, index) => ({
    cluster,
    uid: randomUUID(),
    name: `n${index + 1}`,
    credential: `hfn_${randomUUID()}`,
    bootId: randomUUID(),
    seq: 0,
  }))
  const rows = JSON.stringify(
    nodes.map(({ uid, name, credential, bootId }) => ({
      ...{ uid, name, hash: hashSecret(credential), boot: bootId },
      document: documentOf(cluster, uid),
    })),
  )
  await sql.begin(async (tx) => {
    await tx`
      insert into node (uid, cluster_id, name, hardware_id, credential_hash, drivers, capacity,
        watchdog, virtual, agent_version)
      select uid, ${cluster.id}, name, 'hardware-' || name, hash, '["process"]'::jsonb,
        '{"cpus": 2, "memoryBytes": 1000000000}'::jsonb,
        '{"class": "simulated", "identity": "bench", "effectiveMs": 10000}'::jsonb, false, 'bench'
      from jsonb_to_recordset(${rows}::text::jsonb) as r(uid uuid, name text, hash text)`
    await tx`
      insert into lease (node_uid, cluster_id, boot_id)
      select uid, ${cluster.id}, boot
      from jsonb_to_recordset(${rows}::text::jsonb) as r(uid uuid, boot text)`
    await tx`
      insert into desired (node_uid, cluster_id, plane_epoch, revision, document, digest)
      select uid, ${cluster.id}, 1, 1, document, 'bench'
      from jsonb_to_recordset(${rows}::text::jsonb) as r(uid uuid, document jsonb)`
  })
  await sql`analyze node, lease, desired`
  return nodes
}

/** A desired state of ordinary size, valid to the letter. */
function documentOf(
  cluster: BenchCluster,
  nodeUid: string,
  timing: Timing = profiles.default,
): Omit<Desired, 'planeEpoch' | 'revision'> {
  return {
    clusterUuid: cluster.uuid,
    nodeUid,
    mode: 'active',
    timing,
    maxWorkers: 4,
    onLeaseLoss: 'gentle',
    shutdownPolicy: 'conditional',
    services: runningOf(nodeUid).map(({ sid, generation }) => ({
      ...{ sid, generation, state: 'started', uid: `${sid}.${generation}`, stopTimeoutMs: 60_000 },
      ...{ restart: false, maxRestart: 1 },
      spec: { command: ['/usr/bin/serve', '--port', '8080'], environment: {} },
    })),
    probes: [],
  }
}

function runningOf(nodeUid: string) {
  return Array.from({ length: servicesEach }, (_, index) => ({
    sid: `process:${nodeUid.slice(0, 8)}-${index}`,
    generation: index + 1,
    state: 'running' as const,
    stable: true,
  }))
}

/** The next renewal of a node. `withServices`: it says that it runs some, which no grant backs. */
export function nextRenewal(node: FleetNode, withServices: boolean): LeaseRequest {
  node.seq += 1
  return {
    clusterUuid: node.cluster.uuid,
    nodeUid: node.uid,
    epoch: 1,
    bootId: node.bootId,
    seq: node.seq,
    planeEpoch: { number: 1, uuid: node.cluster.planeUuid },
    armed: withServices,
    release: false,
    revision: 1,
    lrmState: 'active',
    mode: 'active',
    running: withServices ? runningOf(node.uid) : [],
    closed: [],
    confirms: [],
    results: [],
  }
}
