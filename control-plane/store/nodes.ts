// Statements about nodes as their agents speak to the plane: who is it, join, ask for an epoch, read the desired state.
import type postgres from 'postgres'
import type { Random } from '../../shared/random.ts'
import type { EpochAnswer, EpochRequest, JoinRequest } from '../../shared/protocol.ts'
import { Timing } from '../../shared/timing.ts'
import { claimRegress, planeClaim } from '../lease/why-not.ts'
import { hashSecret, newSecret } from './secrets.ts'

export type KnownNode = {
  nodeUid: string
  name: string
  clusterId: number
  clusterName: string
  clusterUuid: string
  timing: Timing
}

/** The node a credential belongs to, or null. */
export async function findNode(sql: postgres.Sql, credential: string): Promise<KnownNode | null> {
  const [row] = await sql<KnownNode[]>`
    select n.uid as "nodeUid", n.name, c.id as "clusterId", c.name as "clusterName",
      c.uuid as "clusterUuid", c.settings->'timing' as timing
    from node n join cluster c on c.id = n.cluster_id
    where n.credential_hash = ${hashSecret(credential)} and n.removed_at is null`
  return row ? { ...row, timing: Timing.parse(row.timing) } : null
}

export type Joined = { node: KnownNode; credential: string }
export type JoinRefusal = 'bad-token' | 'wrong-name' | 'name-taken' | 'open-grants'

/**
 * Admits a new node: its own uid and credential, a lease row without a lease. A join is never evidence: under the name
 * of a node with open grants it is refused (S9a), and so is it while the name is taken.
 */
export async function join(
  sql: postgres.Sql,
  request: JoinRequest,
  random: Random,
): Promise<Joined | JoinRefusal> {
  return (await sql.begin(async (tx) => {
    const [token] = await tx<{ id: string; clusterId: number; node: string | null }[]>`
      select id, cluster_id as "clusterId", node from join_token
      where hash = ${hashSecret(request.joinToken)} and revoked_at is null and uses_left > 0
        and expires_at > clock_timestamp() for update`
    if (!token) return 'bad-token'
    if (token.node !== null && token.node !== request.node) return 'wrong-name'
    const [taken] = await tx<{ held: boolean }[]>`
      select exists (select from run_grant_holder h
        where h.node_uid = n.uid and h.closed_at is null) as held
      from node n where n.cluster_id = ${token.clusterId} and n.name = ${request.node}
        and n.removed_at is null for update`
    if (taken) return taken.held ? 'open-grants' : 'name-taken'
    await tx`update join_token set uses_left = uses_left - 1 where id = ${token.id}`
    const nodeUid = random.uuid()
    const credential = newSecret(random, 'node')
    await insertNode(tx, token.clusterId, nodeUid, credential, request)
    const [cluster] = await tx<{ name: string; uuid: string; timing: unknown }[]>`
      select name, uuid, settings->'timing' as timing from cluster where id = ${token.clusterId}`
    await tx`select pg_notify('holdfast_crm', ${String(token.clusterId)})`
    const node: KnownNode = {
      nodeUid,
      name: request.node,
      clusterId: token.clusterId,
      clusterName: cluster?.name as string,
      clusterUuid: cluster?.uuid as string,
      timing: Timing.parse(cluster?.timing),
    }
    return { node, credential }
  })) as Joined | JoinRefusal
}

async function insertNode(
  tx: postgres.TransactionSql,
  clusterId: number,
  nodeUid: string,
  credential: string,
  request: JoinRequest,
) {
  await tx`
    insert into node (uid, cluster_id, name, hardware_id, credential_hash, drivers, capacity,
      watchdog, virtual, agent_version)
    values (${nodeUid}, ${clusterId}, ${request.node}, ${request.hardwareId},
      ${hashSecret(credential)}, ${JSON.stringify(request.drivers)}::text::jsonb,
      ${JSON.stringify(request.capacity)}::text::jsonb,
      ${JSON.stringify(request.watchdog)}::text::jsonb, ${request.virtual}, ${request.agentVersion})`
  await tx`insert into lease (node_uid, cluster_id) values (${nodeUid}, ${clusterId})`
}

/**
 * Writes down a node's request for an epoch (its own table: the CRM only reads it). A node that remembers another or a
 * later history than the database is a claim for the CRM.
 */
export async function requestEpoch(
  sql: postgres.Sql,
  clusterId: number,
  request: EpochRequest,
): Promise<void> {
  const { drivers, capacity, watchdog, virtual, agentVersion } = request
  const facts = { drivers, capacity, watchdog, virtual, agentVersion }
  const [ours] = await sql<{ number: number; uuid: string }[]>`
    insert into epoch_request (node_uid, cluster_id, boot_id, hardware_id, plane_epoch, nonce,
      found, facts, sent_ms, requested_at)
    select ${request.nodeUid}, ${clusterId}, ${request.bootId}, ${request.hardwareId},
      ${request.planeEpoch?.number ?? 0}, ${request.nonce},
      ${JSON.stringify(request.found)}::text::jsonb, ${JSON.stringify(facts)}::text::jsonb,
      ${request.sentMs}, clock_timestamp()
    from lease l where l.node_uid = ${request.nodeUid}
      -- One that was overtaken must not end the epoch its successor was given.
      and not coalesce(l.boot_id = ${request.bootId} and (l.opened_sent_ms >= ${request.sentMs}
        or l.opened_nonce = ${request.nonce}), false)
    -- Waits for a round that is opening the epoch just now, and then sees that it has.
    for share of l
    on conflict (node_uid) do update set boot_id = excluded.boot_id,
      hardware_id = excluded.hardware_id, plane_epoch = excluded.plane_epoch,
      nonce = excluded.nonce, found = excluded.found, facts = excluded.facts,
      sent_ms = excluded.sent_ms, requested_at = excluded.requested_at
    where epoch_request.boot_id <> excluded.boot_id
      or epoch_request.sent_ms <= excluded.sent_ms
    returning (select number::float8 from plane_epoch where cluster_id = ${clusterId}) as number,
      (select uuid from plane_epoch where cluster_id = ${clusterId}) as uuid`
  await sql`
    update revocation set refuted_at = clock_timestamp()
    where node_uid = ${request.nodeUid} and boot_id = ${request.bootId} and refuted_at is null
      and lease_until < clock_timestamp()`
  const claim = ours && planeClaim(request.planeEpoch, ours)
  if (claim) await claimRegress(sql, clusterId, request, claim)
}

/** The rows that say where a request stands. */
export type EpochStanding = {
  epoch: number
  bootId: string | null
  pending: boolean
  nonce: string | null
  challengeBoot: string | null
  questions: { sid: string; generation: number }[] | null
  waitsFor: string | null
  planeEpoch: { number: number; uuid: string }
}

/** Where the node's request stands. */
export async function epochStanding(
  sql: postgres.Sql,
  request: EpochRequest,
  timing: Timing,
): Promise<EpochAnswer> {
  const [row] = await sql<EpochStanding[]>`
    select l.epoch::float8 as epoch, l.boot_id as "bootId", q.node_uid is not null as pending,
      h.nonce, h.boot_id as "challengeBoot", h.questions, h.waits_for as "waitsFor",
      jsonb_build_object('number', p.number, 'uuid', p.uuid) as "planeEpoch"
    from lease l join plane_epoch p on p.cluster_id = l.cluster_id
    left join epoch_request q on q.node_uid = l.node_uid
    left join challenge h on h.node_uid = l.node_uid
    where l.node_uid = ${request.nodeUid}`
  if (!row) throw new Error('a known node has no lease row')
  return answerEpoch(row, request, timing)
}

/** Pure: what a node is told that asked for an epoch. */
export function answerEpoch(
  row: EpochStanding,
  request: EpochRequest,
  timing: Timing,
): EpochAnswer {
  const { planeEpoch } = row
  if (!row.pending && row.bootId === request.bootId)
    return { status: 'joined', epoch: row.epoch, planeEpoch, timing }
  const { nonce, questions } = row
  if (nonce && questions && row.challengeBoot === request.bootId && nonce !== request.nonce)
    return { status: 'challenge', nonce, questions, planeEpoch }
  return { status: 'settling', why: row.waitsFor || 'the CRM has not looked yet', planeEpoch }
}
