// What operators wish: services, groups, rules, commands. Nobody else writes here but for a command's status.
import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core'
import { clusterId } from './cluster.ts'
import { at, touched, number } from './columns.ts'

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
    /** Name of the node whose machine it was before it was a service: nobody starts it before that node has answered. */
    adoptedFrom: text('adopted_from'),
    /** The highest generation the service was ever granted under when that was said: a later one ends the wait. */
    adoptedAfter: number('adopted_after'),
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

/** Which transaction wrote any rule or group last, also by deleting it: whoever knows them reads them again only then. */
export const rulesTouched = pgTable('rules_touched', {
  clusterId: clusterId().primaryKey(),
  touched: touched(),
})

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
