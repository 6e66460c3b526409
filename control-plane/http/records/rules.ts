// Rows of rules: operators' wishes only, in their order.
import type { Rule } from '../../../shared/rule.ts'
import type { Tx } from '../deps.ts'

export type StoredRule = { rule: Rule; order: number; version: number }
type Row = Rule & { order: number; version: number }

// Only the fields that a rule of its type has.
const columns = (tx: Tx) => tx`
  jsonb_strip_nulls(jsonb_build_object('id', id, 'type', type, 'resources', resources, 'nodes', nodes,
    'strict', strict, 'affinity', affinity, 'disabled', disabled, 'comment', comment,
    'order', position, 'version', version)) as row`

/** All rules of a cluster, in their order. */
export async function listRules(tx: Tx, clusterId: number): Promise<StoredRule[]> {
  const rows = await tx<{ row: Row }[]>`
    select ${columns(tx)} from rule where cluster_id = ${clusterId} order by position, id`
  return rows.map(({ row }) => stored(row))
}

export async function findRule(tx: Tx, clusterId: number, id: string): Promise<StoredRule | null> {
  const [found] = await tx<{ row: Row }[]>`
    select ${columns(tx)} from rule where cluster_id = ${clusterId} and id = ${id}`
  return found ? stored(found.row) : null
}

/** Adds rules at the end, in the order given. */
export async function insertRules(
  tx: Tx,
  clusterId: number,
  rules: readonly Rule[],
): Promise<StoredRule[]> {
  const rows = await tx<{ row: Row }[]>`
    insert into rule (cluster_id, id, position, type, resources, nodes, strict, affinity, disabled, comment)
    select ${clusterId}, r.id, r.at + coalesce((
        select max(position) from rule where cluster_id = ${clusterId}), 0),
      r.type, r.resources, r.nodes, r.strict, r.affinity, r.disabled, r.comment
    from rows from (jsonb_to_recordset(${JSON.stringify(rules)}::text::jsonb) as (id text, type text,
      resources jsonb, nodes jsonb, strict boolean, affinity text, disabled boolean, comment text))
      with ordinality as r(id, type, resources, nodes, strict, affinity, disabled, comment, at)
    returning ${columns(tx)}`
  return rows.map(({ row }) => stored(row))
}

/** Writes the whole of a rule. */
export async function updateRule(tx: Tx, clusterId: number, rule: Rule): Promise<StoredRule> {
  const nodes = rule.type === 'node-affinity' ? JSON.stringify(rule.nodes) : null
  const strict = rule.type === 'node-affinity' ? rule.strict : null
  const affinity = rule.type === 'resource-affinity' ? rule.affinity : null
  const [found] = await tx<{ row: Row }[]>`
    update rule
    set resources = ${JSON.stringify(rule.resources)}::text::jsonb, nodes = ${nodes}::text::jsonb,
        strict = ${strict}, affinity = ${affinity}, disabled = ${rule.disabled},
        comment = ${rule.comment}, version = version + 1
    where cluster_id = ${clusterId} and id = ${rule.id}
    returning ${columns(tx)}`
  return stored((found as { row: Row }).row)
}

export async function deleteRule(tx: Tx, clusterId: number, id: string): Promise<void> {
  await tx`delete from rule where cluster_id = ${clusterId} and id = ${id}`
}

/** Makes the stored rules those of `next`: writes what differs from `now`, deletes what is gone. */
export async function replaceRules(
  tx: Tx,
  clusterId: number,
  now: readonly Rule[],
  next: readonly Rule[],
): Promise<void> {
  const kept = new Map(next.map((rule) => [rule.id, rule]))
  for (const before of now) {
    const after = kept.get(before.id)
    if (after === undefined) await deleteRule(tx, clusterId, before.id)
    else if (after !== before) await updateRule(tx, clusterId, after)
  }
}

function stored({ order, version, ...rule }: Row): StoredRule {
  return { rule: rule as Rule, order, version }
}
