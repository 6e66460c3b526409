// Who may do what, and who did.
import { sql } from 'drizzle-orm'
import { bigserial, check, index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { cluster, clusterId } from './cluster.ts'
import { at } from './columns.ts'

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
