// The cluster, its CRM's election row, the plane epoch, and the plane's replicas with their clocks.
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  serial,
  text,
  uuid,
} from 'drizzle-orm/pg-core'
import { at, number } from './columns.ts'

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

/** Which cluster a row belongs to. */
export const clusterId = () =>
  integer('cluster_id')
    .notNull()
    .references(() => cluster.id)

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
