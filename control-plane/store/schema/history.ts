// What was decided, and on what. Pruned.
import { bigserial, index, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { clusterId } from './cluster.ts'
import { at, bytea, number } from './columns.ts'

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
