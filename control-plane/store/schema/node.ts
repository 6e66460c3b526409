// Nodes: what agents report, and what the CRM has for them: leases, epochs, revocations, the desired state.
import { sql } from 'drizzle-orm'
import {
  bigserial,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { clusterId } from './cluster.ts'
import { at, touched, number } from './columns.ts'

export const node = pgTable(
  'node',
  {
    uid: uuid('uid').primaryKey(),
    clusterId: clusterId(),
    name: text('name').notNull(),
    hardwareId: text('hardware_id').notNull(),
    credentialHash: text('credential_hash').notNull(),
    drivers: jsonb('drivers').notNull(),
    capacity: jsonb('capacity').notNull(),
    watchdog: jsonb('watchdog').notNull(),
    virtual: boolean('virtual').notNull(),
    agentVersion: text('agent_version').notNull(),
    /** An operator's wish, beside the node's own facts. */
    maintenanceRequested: boolean('maintenance_requested').notNull().default(false),
    joinedAt: at('joined_at').notNull().default(sql`clock_timestamp()`),
    removedAt: at('removed_at'),
  },
  (t) => [
    uniqueIndex('node_name').on(t.clusterId, t.name).where(sql`${t.removedAt} is null`),
    uniqueIndex('node_credential').on(t.credentialHash),
  ],
)

/**
 * What an operator asks of a node's host and its agent answers; for seconds only, whoever asked takes it away with the answer.
 * No part of any decision.
 */
export const nodeQuestion = pgTable(
  'node_question',
  {
    uid: uuid('uid').primaryKey(),
    clusterId: clusterId(),
    nodeUid: uuid('node_uid')
      .notNull()
      .references(() => node.uid),
    question: jsonb('question').notNull(),
    askedAt: at('asked_at').notNull().default(sql`clock_timestamp()`),
    /** When its agent was last told of it; null: it never asked for anything since. */
    toldAt: at('told_at'),
    answer: jsonb('answer'),
  },
  (t) => [index('node_question_node').on(t.nodeUid)],
)

/** Which node a row is about. */
export const nodeUid = () =>
  uuid('node_uid')
    .notNull()
    .references(() => node.uid)

/** One row a node, for ever: epochs never restart. `boot_id` null: no boot may renew. Written by renewals and, last of all in a round, by the CRM. */
export const lease = pgTable(
  'lease',
  {
    nodeUid: nodeUid().primaryKey(),
    clusterId: clusterId(),
    epoch: number('epoch').notNull().default(1),
    bootId: text('boot_id'),
    seq: number('seq').notNull().default(0),
    /** The fence deadline: never moves back (rule 4; trigger). */
    leaseUntil: at('lease_until').notNull().default(sql`clock_timestamp()`),
    leaseMs: integer('lease_ms').notNull().default(0),
    renewedAt: at('renewed_at'),
    /** Of the last request that was heard, also where nothing was granted (quorum `majority`). */
    reportedAt: at('reported_at'),
    armed: boolean('armed').notNull().default(false),
    /** null: nothing was confirmed since the node was last empty. false: some renewal since then was not armed, or a release was committed. */
    guarded: boolean('guarded'),
    releasedAt: at('released_at'),
    /** The request this epoch was opened for: whatever is as old, or repeats its nonce, asks for nothing more. */
    openedSentMs: doublePrecision('opened_sent_ms'),
    openedNonce: text('opened_nonce'),
    revision: number('revision').notNull().default(0),
    attestedPlaneEpoch: number('attested_plane_epoch').notNull().default(0),
    /** A person vouched for the node's death in this round; its next lease takes that back. */
    vouchedRound: number('vouched_round'),
    lrmState: text('lrm_state').notNull().default('wait_for_agent_lock'),
    mode: text('mode').notNull().default('active'),
    /** Of the report in node_report: tells a replica whether its news are written. */
    reportDigest: text('report_digest').notNull().default(''),
  },
  (t) => [index('lease_cluster').on(t.clusterId)],
)

/** What the last granted renewal with news said. Rewritten only when it changed. */
export const nodeReport = pgTable('node_report', {
  nodeUid: nodeUid().primaryKey(),
  clusterId: clusterId(),
  epoch: number('epoch').notNull(),
  bootId: text('boot_id').notNull(),
  seq: number('seq').notNull(),
  /** Revision of the desired state that `report` was made under. */
  revision: number('revision').notNull(),
  at: at('at').notNull(),
  /** {running, closed, results} as on the wire. */
  report: jsonb('report').notNull(),
  touched: touched(),
})

/** What a node and its services use, as its agent measures it. Nothing of safety rests on it. */
export const nodeUsage = pgTable('node_usage', {
  nodeUid: nodeUid().primaryKey(),
  clusterId: clusterId(),
  at: at('at').notNull(),
  /** {node: {cpus, memoryBytes}, services: {[sid]: {cpus, memoryBytes}}} */
  usage: jsonb('usage').notNull(),
  touched: touched(),
})

/**
 * How the node's last life ended, how late its agent was, and what the last drill of its watchdog found, as it tells it
 * itself. Of safety only the choice whom to drill rests on it.
 */
export const nodeHealth = pgTable('node_health', {
  nodeUid: nodeUid().primaryKey(),
  clusterId: clusterId(),
  at: at('at').notNull(),
  /** NodeHealth (shared/node-health.ts). */
  health: jsonb('health').notNull(),
  touched: touched(),
})

/** A node's request for a new epoch, and its answer to the CRM's challenge. Written by the agent's route only. */
export const epochRequest = pgTable('epoch_request', {
  nodeUid: nodeUid().primaryKey(),
  clusterId: clusterId(),
  bootId: text('boot_id').notNull(),
  hardwareId: text('hardware_id').notNull(),
  planeEpoch: number('plane_epoch').notNull(),
  sentMs: doublePrecision('sent_ms').notNull(),
  nonce: text('nonce'),
  found: jsonb('found').notNull(),
  /** {drivers, capacity, watchdog, virtual, agentVersion}: taken over when the epoch is opened. */
  facts: jsonb('facts').notNull(),
  requestedAt: at('requested_at').notNull(),
})

/** A node remembers more than the database: the history was cut. Written by agent routes, settled by the CRM. */
export const regressClaim = pgTable('regress_claim', {
  id: bigserial('id', { mode: 'number' }).primaryKey(),
  clusterId: clusterId(),
  nodeUid: nodeUid(),
  planeEpoch: number('plane_epoch').notNull(),
  why: text('why').notNull(),
  at: at('at').notNull().default(sql`clock_timestamp()`),
})

export const nodeStatus = pgTable('node_status', {
  nodeUid: nodeUid().primaryKey(),
  clusterId: clusterId(),
  state: text('state').notNull(),
  since: at('since').notNull(),
  why: text('why').notNull().default(''),
  note: text('note').notNull().default(''),
  /** Of the node's last end that the change log tells of. */
  toldEnd: text('told_end').notNull().default(''),
})

/** The CRM's question to a node that asks for an epoch. */
export const challenge = pgTable('challenge', {
  nodeUid: nodeUid().primaryKey(),
  clusterId: clusterId(),
  epoch: number('epoch').notNull(),
  bootId: text('boot_id').notNull(),
  nonce: text('nonce').notNull(),
  questions: jsonb('questions').notNull(),
  /** Why the last answer did not suffice; empty while it is awaited. */
  waitsFor: text('waits_for').notNull().default(''),
})

/** One revoked epoch of a node: what every wait for evidence counts from. */
export const revocation = pgTable(
  'revocation',
  {
    nodeUid: nodeUid(),
    epoch: number('epoch').notNull(),
    clusterId: clusterId(),
    bootId: text('boot_id'),
    leaseUntil: at('lease_until').notNull(),
    guarded: boolean('guarded'),
    renewedAt: at('renewed_at'),
    revokedAt: at('revoked_at').notNull(),
    /** The boot asked for an epoch after its own deadline: its watchdog has not reset it, whoever asks later. */
    refutedAt: at('refuted_at'),
    why: text('why').notNull(),
  },
  (t) => [primaryKey({ columns: [t.nodeUid, t.epoch] })],
)

/** What each node is to do, ready to be served. */
export const desired = pgTable('desired', {
  nodeUid: nodeUid().primaryKey(),
  clusterId: clusterId(),
  planeEpoch: number('plane_epoch').notNull(),
  revision: number('revision').notNull(),
  document: jsonb('document').notNull(),
  /** Of the document: spares reading it to see whether it changed. */
  digest: text('digest').notNull(),
  /** Digest of the services that the node is to keep start gates for; empty: there are none. */
  managed: text('managed').notNull().default(''),
})
