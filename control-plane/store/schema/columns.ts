// Kinds of columns that many tables have.
import { sql } from 'drizzle-orm'
import { bigint, customType, timestamp } from 'drizzle-orm/pg-core'

export const at = (name: string) => timestamp(name, { withTimezone: true })
export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
export const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' })
/**
 * The transaction that wrote the row last (a trigger keeps it so): a round asks for what was touched since the snapshot
 * of the view it has in memory. See view-statement.ts.
 */
export const touched = () => xid8('touched').notNull().default(sql`pg_current_xact_id()`)
export const number = (name: string) => bigint(name, { mode: 'number' })
