// The tables. Single writer per table: operators write wishes, agents write reports, the CRM alone writes placement.
// What the safety contract demands of the schema and Drizzle cannot say (triggers, storage options) is in the
// migration after the generated one. migrations/schema.sql is the golden dump of both.
import { sql } from 'drizzle-orm'
import {
  bigint,
  bigserial,
  boolean,
  check,
  customType,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  serial,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

const at = (name: string) => timestamp(name, { withTimezone: true })
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' })
/**
 * The transaction that wrote the row last (a trigger keeps it so): a round asks for what was touched since the snapshot
 * of the view it has in memory. See view-statement.ts.
 */
const touched = () => xid8('touched').notNull().default(sql`pg_current_xact_id()`)
const number = (name: string) => bigint(name, { mode: 'number' })

// ── operators' wishes ────────────────────────────────────────────────────────────────────────────────────────────

export const cluster = pgTable('cluster', {
  id: serial('id').primaryKey(),
  uuid: uuid('uuid').notNull().unique().defaultRandom(),
  name: text('name').notNull().unique(),
  /** Simulated watchdogs count as evidence here, and nowhere else. */
  development: boolean('development').notNull().default(false),
  settings: jsonb('settings').notNull(),
  settingsVersion: number('settings_version').notNull().default(1),
  /** The longest lease the settings ever allowed: what a quarantine must outwait. */
  longestLeaseMs: integer('longest_lease_ms').notNull(),
  createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
})

const clusterId = () =>
  integer('cluster_id')
    .notNull()
    .references(() => cluster.id)

export const service = pgTable(
  'service',
  {
    clusterId: clusterId(),
    sid: text('sid').notNull(),
    requested: text('requested').notNull(),
    spec: jsonb('spec').notNull(),
    groupName: text('group_name'),
    maxRestart: integer('max_restart').notNull().default(1),
    maxRelocate: integer('max_relocate').notNull().default(1),
    /** null: the cluster's stopTimeoutMs. */
    stopTimeoutMs: integer('stop_timeout_ms'),
    failback: boolean('failback').notNull().default(true),
    autoRebalance: boolean('auto_rebalance').notNull().default(true),
    /** {cpus, memoryBytes} for static scheduling. */
    figures: jsonb('figures'),
    /** Name of the node where it is when it is added; only a first placement asks for it. */
    node: text('node'),
    comment: text('comment').notNull().default(''),
    version: number('version').notNull().default(1),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
    touched: touched(),
  },
  (t) => [
    index('service_touched').on(t.clusterId, t.touched),
    primaryKey({ columns: [t.clusterId, t.sid] }),
    foreignKey({
      columns: [t.clusterId, t.groupName],
      foreignColumns: [group.clusterId, group.name],
    }),
    check(
      'service_requested',
      sql`${t.requested} in ('started', 'stopped', 'disabled', 'ignored')`,
    ),
  ],
)

export const group = pgTable(
  'node_group',
  {
    clusterId: clusterId(),
    name: text('name').notNull(),
    nodes: jsonb('nodes').notNull(),
    restricted: boolean('restricted').notNull().default(false),
    nofailback: boolean('nofailback').notNull().default(false),
    comment: text('comment').notNull().default(''),
    version: number('version').notNull().default(1),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.name] })],
)

/** Node and resource affinity, in the order of `position`. */
export const rule = pgTable(
  'rule',
  {
    clusterId: clusterId(),
    id: text('id').notNull(),
    position: integer('position').notNull(),
    type: text('type').notNull(),
    resources: jsonb('resources').notNull(),
    /** Of node affinity: priorities by node name. */
    nodes: jsonb('nodes'),
    strict: boolean('strict'),
    /** Of resource affinity. */
    affinity: text('affinity'),
    disabled: boolean('disabled').notNull().default(false),
    comment: text('comment').notNull().default(''),
    version: number('version').notNull().default(1),
  },
  (t) => [
    primaryKey({ columns: [t.clusterId, t.id] }),
    check(
      'rule_shape',
      sql`(${t.type} = 'node-affinity' and ${t.nodes} is not null and ${t.strict} is not null
        and ${t.affinity} is null) or (${t.type} = 'resource-affinity' and ${t.nodes} is null
        and ${t.strict} is null and ${t.affinity} in ('positive', 'negative'))`,
    ),
  ],
)

export const command = pgTable(
  'command',
  {
    uid: uuid('uid').primaryKey(),
    clusterId: clusterId(),
    kind: text('kind').notNull(),
    sid: text('sid'),
    node: text('node'),
    arguments: jsonb('arguments').notNull().default({}),
    status: text('status').notNull(),
    reason: text('reason').notNull().default(''),
    actor: text('actor').notNull(),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
    finishedAt: at('finished_at'),
  },
  (t) => [
    check(
      'command_status',
      sql`${t.status} in ('pending', 'running', 'done', 'failed', 'refused')`,
    ),
    check(
      'command_finished',
      sql`(${t.status} in ('done', 'failed', 'refused')) = (${t.finishedAt} is not null)`,
    ),
    index('command_open').on(t.clusterId).where(sql`${t.finishedAt} is null`),
    index('command_recent').on(t.clusterId, t.createdAt),
  ],
)

// ── nodes and what agents report ─────────────────────────────────────────────────────────────────────────────────

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

const nodeUid = () =>
  uuid('node_uid')
    .notNull()
    .references(() => node.uid)

/** What can switch a node off: all of its feeds, in order. An operator's wish, with the secrets that nobody else is shown. */
export const fenceDevice = pgTable(
  'fence_device',
  {
    nodeUid: nodeUid(),
    clusterId: clusterId(),
    name: text('name').notNull(),
    position: integer('position').notNull(),
    kind: text('kind').notNull(),
    options: jsonb('options').notNull(),
    /** Read by the job that drives it, and by nothing else. */
    secret: jsonb('secret'),
    /** {uuid, serial} of the machine it must speak of. */
    expects: jsonb('expects').notNull(),
    /** Drawn anew whenever it is set up. */
    uid: uuid('uid').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.nodeUid, t.name] }),
    check(
      'fence_device_expects',
      sql`coalesce(${t.expects}->>'uuid', ${t.expects}->>'serial') is not null`,
    ),
  ],
)

/** What a fence device said last while its node renewed: whether it can be relied on, before it is needed. */
export const fenceCheck = pgTable(
  'fence_check',
  {
    nodeUid: nodeUid(),
    clusterId: clusterId(),
    name: text('name').notNull(),
    /** Of the device, as it was set up then. */
    uid: uuid('uid').notNull(),
    /** The boot that renewed before and after it was asked. */
    bootId: text('boot_id').notNull(),
    /** null: it did not answer. */
    state: text('state'),
    isExpected: boolean('is_expected').notNull(),
    fault: text('fault').notNull(),
    at: at('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.nodeUid, t.name] })],
)

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

// ── the CRM's tables ─────────────────────────────────────────────────────────────────────────────────────────────

/** The election row: every round bumps it first (rule 10). */
export const crm = pgTable('crm', {
  clusterId: integer('cluster_id')
    .primaryKey()
    .references(() => cluster.id),
  round: number('round').notNull().default(0),
  nextRoundAt: at('next_round_at').notNull().default(sql`clock_timestamp()`),
  replica: text('replica'),
  ranAt: at('ran_at'),
  nextGeneration: number('next_generation').notNull().default(1),
  quorate: boolean('quorate').notNull().default(true),
  /** Since when at least one node renews; placement settles after an outage. */
  quietSince: at('quiet_since'),
  /** {mode, state, sinceMs}; null: armed. */
  disarm: jsonb('disarm'),
  imbalancedSince: at('imbalanced_since'),
})

/** One history of the database. Identity columns are compared by every renewal's own statement. */
export const planeEpoch = pgTable('plane_epoch', {
  clusterId: integer('cluster_id')
    .primaryKey()
    .references(() => cluster.id),
  number: number('number').notNull(),
  uuid: uuid('uuid').notNull(),
  systemId: text('system_id').notNull(),
  timeline: text('timeline').notNull(),
  postmasterStart: at('postmaster_start').notNull(),
  reason: text('reason').notNull(),
  changedAt: at('changed_at').notNull(),
  /** New lease epochs and generations start at or above this. */
  numberFloor: number('number_floor').notNull().default(1),
  /** null: no quarantine. */
  quarantineUntil: at('quarantine_until'),
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

export const serviceStatus = pgTable(
  'service_status',
  {
    clusterId: clusterId(),
    sid: text('sid').notNull(),
    state: text('state').notNull(),
    nodeUid: uuid('node_uid').references(() => node.uid),
    since: at('since').notNull(),
    note: text('note').notNull().default(''),
    /** The other fields of ServiceStatus (control-plane/cluster/view.ts). */
    record: jsonb('record').notNull(),
    touched: touched(),
  },
  (t) => [
    primaryKey({ columns: [t.clusterId, t.sid] }),
    index('service_status_touched').on(t.clusterId, t.touched),
  ],
)

/** Services of which a row was deleted, and by which transaction: what is gone carries no mark of its own. */
export const serviceDeletion = pgTable(
  'service_deletion',
  { clusterId: clusterId(), sid: text('sid').notNull(), touched: touched() },
  (t) => [
    primaryKey({ columns: [t.clusterId, t.sid] }),
    index('service_deletion_touched').on(t.clusterId, t.touched),
  ],
)

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

/** The CRM's last order to switch a node off, for the sake of one revoked epoch. */
export const fenceOrder = pgTable(
  'fence_order',
  {
    nodeUid: nodeUid().primaryKey(),
    clusterId: clusterId(),
    epoch: number('epoch').notNull(),
    attempt: integer('attempt').notNull(),
    /** Names it in reports, and is never used again. */
    uid: text('uid').notNull(),
    orderedAt: at('ordered_at').notNull(),
  },
  (t) => [
    foreignKey({
      columns: [t.nodeUid, t.epoch],
      foreignColumns: [revocation.nodeUid, revocation.epoch],
    }),
  ],
)

/** What the devices said while an order was carried out. Written by the job alone; the CRM judges it. */
export const fenceReport = pgTable(
  'fence_report',
  {
    nodeUid: nodeUid(),
    clusterId: clusterId(),
    epoch: number('epoch').notNull(),
    orderUid: text('order_uid').notNull(),
    attempt: integer('attempt').notNull(),
    outcome: text('outcome').notNull(),
    why: text('why').notNull(),
    devices: jsonb('devices').notNull(),
    replica: text('replica').notNull(),
    at: at('at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.nodeUid, t.orderUid] }),
    unique('fence_report_outcome_key').on(t.nodeUid, t.epoch, t.orderUid, t.outcome),
    check('fence_report_outcome', sql`${t.outcome} in ('off', 'failed')`),
  ],
)

export const evidenceKinds = [
  'watchdog-deadline',
  'device-off',
  'new-boot',
  'operator',
  'agent-stopped',
  'never-confirmed',
] as const

/** Proof that something no longer runs. Never deleted while a holder names it. */
export const evidence = pgTable(
  'evidence',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    clusterId: clusterId(),
    nodeUid: nodeUid(),
    epoch: number('epoch').notNull(),
    kind: text('kind').notNull(),
    scope: text('scope').notNull(),
    sid: text('sid'),
    generation: number('generation'),
    /** = epoch where the kind is valid for a revoked epoch only. */
    revokedEpoch: number('revoked_epoch'),
    leaseUntil: at('lease_until'),
    guarded: boolean('guarded'),
    /** Of `device-off`: the order whose report says so. */
    fenceOrder: text('fence_order'),
    fenceOutcome: text('fence_outcome'),
    facts: jsonb('facts').notNull(),
    decidedAt: at('decided_at').notNull(),
  },
  (t) => [
    foreignKey({
      columns: [t.nodeUid, t.revokedEpoch],
      foreignColumns: [revocation.nodeUid, revocation.epoch],
    }),
    foreignKey({
      name: 'evidence_fence_report_fk',
      columns: [t.nodeUid, t.epoch, t.fenceOrder, t.fenceOutcome],
      foreignColumns: [
        fenceReport.nodeUid,
        fenceReport.epoch,
        fenceReport.orderUid,
        fenceReport.outcome,
      ],
    }),
    check(
      'evidence_device_off',
      sql`case ${t.kind} when 'device-off'
        then ${t.fenceOrder} is not null and coalesce(${t.fenceOutcome} = 'off', false)
        else ${t.fenceOrder} is null and ${t.fenceOutcome} is null end`,
    ),
    unique('evidence_scope_key').on(t.id, t.nodeUid, t.epoch, t.scope),
    unique('evidence_service_key').on(t.id, t.nodeUid, t.epoch, t.sid, t.generation),
    check(
      'evidence_kind_and_scope',
      sql`(${t.kind} in ('watchdog-deadline', 'device-off', 'new-boot', 'operator') and ${t.scope} = 'node')
       or (${t.kind} in ('agent-stopped', 'never-confirmed') and ${t.scope} = 'service')`,
    ),
    check(
      'evidence_scope_columns',
      sql`(${t.scope} = 'service') = (${t.sid} is not null) and (${t.scope} = 'service') = (${t.generation} is not null)`,
    ),
    check(
      'evidence_needs_revocation',
      sql`(${t.kind} = 'agent-stopped') = (${t.revokedEpoch} is null) and coalesce(${t.revokedEpoch} = ${t.epoch}, true)`,
    ),
    check(
      'evidence_watchdog_deadline',
      sql`${t.kind} <> 'watchdog-deadline' or (coalesce(${t.guarded}, false) and coalesce(${t.decidedAt} >= ${t.leaseUntil}, false))`,
    ),
  ],
)

/** Leave to run a service. One open grant a service, in the schema (rule 7). */
export const runGrant = pgTable(
  'run_grant',
  {
    clusterId: clusterId(),
    sid: text('sid').notNull(),
    generation: number('generation').notNull(),
    openedAt: at('opened_at').notNull(),
    closedAt: at('closed_at'),
    touched: touched(),
  },
  (t) => [
    primaryKey({ columns: [t.clusterId, t.sid, t.generation] }),
    index('run_grant_touched').on(t.clusterId, t.touched),
    uniqueIndex('run_grant_open').on(t.clusterId, t.sid).where(sql`${t.closedAt} is null`),
  ],
)

/** One node on which a granted service may be; two during a live move. Closed by its own evidence only. */
export const runGrantHolder = pgTable(
  'run_grant_holder',
  {
    clusterId: clusterId(),
    sid: text('sid').notNull(),
    /** What the node knows it by. The second half of a live move has a number of its own. */
    generation: number('generation').notNull(),
    /** The grant it belongs to: the number that one was opened with. */
    grantGeneration: number('grant_generation').notNull(),
    nodeUid: nodeUid(),
    epoch: number('epoch').notNull(),
    openedAt: at('opened_at').notNull(),
    confirmedAt: at('confirmed_at'),
    /** Plane epoch of the last confirm: an older one is void. */
    confirmedPlaneEpoch: number('confirmed_plane_epoch'),
    closedAt: at('closed_at'),
    evidenceId: number('evidence_id'),
    evidenceKind: text('evidence_kind'),
    evidenceScope: text('evidence_scope'),
    evidenceSid: text('evidence_sid'),
    evidenceGeneration: number('evidence_generation'),
    touched: touched(),
  },
  (t) => [
    index('run_grant_holder_touched').on(t.clusterId, t.touched),
    index('run_grant_holder_of_grant').on(t.clusterId, t.sid, t.grantGeneration),
    primaryKey({ columns: [t.clusterId, t.sid, t.generation] }),
    foreignKey({
      columns: [t.clusterId, t.sid, t.grantGeneration],
      foreignColumns: [runGrant.clusterId, runGrant.sid, runGrant.generation],
    }),
    foreignKey({
      columns: [t.evidenceId, t.nodeUid, t.epoch, t.evidenceScope],
      foreignColumns: [evidence.id, evidence.nodeUid, evidence.epoch, evidence.scope],
    }),
    foreignKey({
      columns: [t.evidenceId, t.nodeUid, t.epoch, t.evidenceSid, t.evidenceGeneration],
      foreignColumns: [
        evidence.id,
        evidence.nodeUid,
        evidence.epoch,
        evidence.sid,
        evidence.generation,
      ],
    }),
    check(
      'holder_closed_by_evidence',
      sql`num_nonnulls(${t.closedAt}, ${t.evidenceId}, ${t.evidenceKind}, ${t.evidenceScope}) in (0, 4)`,
    ),
    check(
      'holder_evidence_scope',
      sql`case ${t.evidenceScope}
        when 'service' then ${t.evidenceSid} = ${t.sid} and ${t.evidenceGeneration} = ${t.generation}
          and ${t.evidenceSid} is not null and ${t.evidenceGeneration} is not null
        else ${t.evidenceSid} is null and ${t.evidenceGeneration} is null end`,
    ),
    check(
      'holder_never_confirmed',
      sql`${t.evidenceKind} is distinct from 'never-confirmed' or ${t.confirmedAt} is null`,
    ),
    index('run_grant_holder_open').on(t.nodeUid).where(sql`${t.closedAt} is null`),
  ],
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

/** What a round that changed something read and decided, for `ha-manager replay`. Pruned with the history. */
export const roundJournal = pgTable(
  'round_journal',
  {
    clusterId: clusterId(),
    round: number('round').notNull(),
    at: at('at').notNull(),
    /** gzip of the view as JSON, and of the plan. */
    view: bytea('view').notNull(),
    plan: bytea('plan').notNull(),
    /** The round whose view this one is completed from; null: it is whole. */
    baseRound: number('base_round'),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.round] })],
)

export const changeLog = pgTable(
  'change_log',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    clusterId: clusterId(),
    round: number('round'),
    at: at('at').notNull(),
    kind: text('kind').notNull(),
    sid: text('sid'),
    node: text('node'),
    line: text('line').notNull(),
    why: text('why').notNull(),
    change: jsonb('change').notNull(),
  },
  (t) => [
    index('change_log_cluster').on(t.clusterId, t.id),
    index('change_log_sid').on(t.clusterId, t.sid, t.id),
  ],
)

// ── who may do what, and who did ─────────────────────────────────────────────────────────────────────────────────

export const token = pgTable(
  'token',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    hash: text('hash').notNull().unique(),
    role: text('role').notNull(),
    /** null: every cluster. */
    clusterId: integer('cluster_id').references(() => cluster.id),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
    expiresAt: at('expires_at'),
    revokedAt: at('revoked_at'),
  },
  (t) => [check('token_role', sql`${t.role} in ('viewer', 'operator', 'admin')`)],
)

export const joinToken = pgTable('join_token', {
  id: uuid('id').primaryKey(),
  hash: text('hash').notNull().unique(),
  clusterId: clusterId(),
  /** null: any name. */
  node: text('node'),
  usesLeft: integer('uses_left').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
  expiresAt: at('expires_at').notNull(),
  revokedAt: at('revoked_at'),
})

export const auditLog = pgTable(
  'audit_log',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    clusterId: integer('cluster_id'),
    at: at('at').notNull().default(sql`clock_timestamp()`),
    actor: text('actor').notNull(),
    method: text('method').notNull(),
    path: text('path').notNull(),
    status: integer('status').notNull(),
    detail: jsonb('detail').notNull().default({}),
  },
  (t) => [index('audit_log_cluster').on(t.clusterId, t.id)],
)

// ── the plane's replicas and their clocks ────────────────────────────────────────────────────────────────────────

export const replica = pgTable('replica', {
  name: text('name').primaryKey(),
  url: text('url').notNull(),
  startedAt: at('started_at').notNull(),
  seenAt: at('seen_at').notNull(),
})

/** Pairs of the database's clock and a host's CLOCK_BOOTTIME: a restarted replica of the same boot may go on judging (rule 9). */
export const clockPair = pgTable(
  'clock_pair',
  {
    hostBootId: text('host_boot_id').notNull(),
    bootMs: bigint('boot_ms', { mode: 'number' }).notNull(),
    databaseMs: bigint('database_ms', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.hostBootId, t.databaseMs] })],
)
