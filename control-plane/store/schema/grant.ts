// Where services may run: the CRM's status, grants and their holders, and the evidence that closes them.
import { sql } from 'drizzle-orm'
import {
  bigserial,
  boolean,
  check,
  foreignKey,
  index,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { fenceReport } from './fence.ts'
import { clusterId } from './cluster.ts'
import { node, nodeUid, revocation } from './node.ts'
import { at, touched, number } from './columns.ts'

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
