// What can switch a node off (wishes, with the secrets that nobody else is shown), the CRM's orders, and what the jobs report.
import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  foreignKey,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { clusterId } from './cluster.ts'
import { nodeUid, revocation } from './node.ts'
import { at, number } from './columns.ts'

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
    /** Where they said off: when they were read for the last time, or a little before. */
    at: at('at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.nodeUid, t.orderUid] }),
    unique('fence_report_outcome_key').on(t.nodeUid, t.epoch, t.orderUid, t.outcome),
    check('fence_report_outcome', sql`${t.outcome} in ('off', 'failed')`),
  ],
)
