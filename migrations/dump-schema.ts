// Prints the migrated schema as text that can be reviewed line by line and compared (migrations/schema.sql). Not meant to
// be run against a database: that is what the numbered migrations are for. `npm run db:schema` writes it anew.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'

/** The schema `public` of a migrated database, sorted by name. */
export async function dumpSchema(sql: postgres.Sql): Promise<string> {
  const tables = await sql<{ name: string; options: string | null }[]>`
    select c.relname as name, array_to_string(c.reloptions, ', ') as options from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by 1`
  const parts: string[] = ['-- Golden dump of the migrated schema: npm run db:schema writes it.']
  for (const { name, options } of tables) parts.push(await table(sql, name, options))
  const functions = await sql<{ text: string }[]>`
    select pg_get_functiondef(oid) as text from pg_proc
    where pronamespace = 'public'::regnamespace order by proname`
  parts.push(...functions.map(({ text }) => `${text.trimEnd()};`))
  return `${parts.join('\n\n')}\n`
}

async function table(sql: postgres.Sql, name: string, options: string | null): Promise<string> {
  const oid = sql`${name}::regclass`
  const columns = await sql<{ line: string }[]>`
    select format('%I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' else '' end,
      coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = ${oid} and a.attnum > 0 and not a.attisdropped order by a.attnum`
  const constraints = await sql<{ line: string }[]>`
    select format('constraint %I %s', conname, pg_get_constraintdef(oid)) as line
    from pg_constraint where conrelid = ${oid} and contype <> 'n' order by contype, conname`
  const indexes = await sql<{ line: string }[]>`
    select pg_get_indexdef(i.indexrelid) as line from pg_index i
    where i.indrelid = ${oid} and not exists (
      select from pg_constraint c where c.conindid = i.indexrelid) order by 1`
  const triggers = await sql<{ line: string }[]>`
    select pg_get_triggerdef(oid) as line from pg_trigger
    where tgrelid = ${oid} and not tgisinternal order by tgname`
  const body = [...columns, ...constraints].map(({ line }) => `  ${line}`).join(',\n')
  const head = `create table ${name} (\n${body}\n)${options ? ` with (${options})` : ''};`
  return [head, ...[...indexes, ...triggers].map(({ line }) => `${line};`)].join('\n')
}

if (import.meta.main) {
  const { startPostgres } = await import('../control-plane/site/embedded-postgres.ts')
  const { migrate } = await import('../control-plane/store/migrate.ts')
  const dir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-schema-'))
  const server = await startPostgres({ dir, port: 15_437, fast: true })
  try {
    await migrate(server.url('postgres'))
    const sql = postgres(server.url('postgres'), { max: 1 })
    writeFileSync(new URL('schema.sql', import.meta.url), await dumpSchema(sql))
    await sql.end()
  } finally {
    await server.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
