// What must hold in the stored rows, as queries that find what breaks it. Most of it is also a constraint or a trigger;
// it is checked again because a restore from files, a broken index or a switched-off trigger does not ask them.
import type postgres from 'postgres'

type Check = { rule: string; query: string }

/** Each query is given a cluster's id and returns one row `what` for each thing that breaks the rule. */
export const storedChecks: Check[] = [
  {
    rule: 'a service has at most one open grant',
    query: `select format('%s has %s open grants', sid, count(*)) as what
      from run_grant where cluster_id = $1 and closed_at is null group by sid having count(*) > 1`,
  },
  {
    rule: 'an open grant has at least one open holder',
    query: `select format('%s, generation %s', g.sid, g.generation) as what
      from run_grant g where g.cluster_id = $1 and g.closed_at is null and not exists (
        select from run_grant_holder h where h.cluster_id = g.cluster_id and h.sid = g.sid
          and h.grant_generation = g.generation and h.closed_at is null)`,
  },
  {
    rule: 'a closed grant has no open holder',
    query: `select format('%s, generation %s', h.sid, h.generation) as what
      from run_grant_holder h join run_grant g
        on (g.cluster_id, g.sid, g.generation) = (h.cluster_id, h.sid, h.grant_generation)
      where h.cluster_id = $1 and h.closed_at is null and g.closed_at is not null`,
  },
  {
    rule: 'a grant has at most two open holders, on two nodes',
    query: `select format('%s has %s open holders on %s nodes', sid, count(*),
        count(distinct node_uid)) as what
      from run_grant_holder where cluster_id = $1 and closed_at is null group by sid
      having count(*) > 2 or count(*) > count(distinct node_uid)`,
  },
  {
    rule: 'a holder belongs to a grant',
    query: `select format('%s, generation %s', h.sid, h.generation) as what
      from run_grant_holder h where h.cluster_id = $1 and not exists (
        select from run_grant g where g.cluster_id = h.cluster_id and g.sid = h.sid
          and g.generation = h.grant_generation)`,
  },
  {
    rule: 'an open holder of an older lease epoch has the revocation of that epoch',
    query: `select format('%s on %s, epoch %s', h.sid, n.name, h.epoch) as what
      from run_grant_holder h join node n on n.uid = h.node_uid join lease l on l.node_uid = n.uid
      where h.cluster_id = $1 and h.closed_at is null and h.epoch < l.epoch and not exists (
        select from revocation r where r.node_uid = h.node_uid and r.epoch = h.epoch)`,
  },
  {
    rule: 'no holder is ahead of the lease epoch of its node',
    query: `select format('%s on %s: epoch %s, the lease has %s', h.sid, n.name, h.epoch, l.epoch) as what
      from run_grant_holder h join node n on n.uid = h.node_uid join lease l on l.node_uid = n.uid
      where h.cluster_id = $1 and h.epoch > l.epoch`,
  },
  {
    rule: 'a node renews only after the grants of its older epochs are closed or adopted',
    query: `select format('%s on %s, epoch %s', h.sid, n.name, h.epoch) as what
      from run_grant_holder h join node n on n.uid = h.node_uid join lease l on l.node_uid = n.uid
      where h.cluster_id = $1 and h.closed_at is null and h.epoch < l.epoch and l.boot_id is not null`,
  },
  {
    rule: 'a closed holder names evidence for its node, epoch and, where it is of that scope, generation',
    query: `select format('%s, generation %s on %s', h.sid, h.generation, h.node_uid) as what
      from run_grant_holder h left join evidence e on e.id = h.evidence_id
      where h.cluster_id = $1 and h.closed_at is not null and (e.id is null
        or e.node_uid <> h.node_uid or e.epoch <> h.epoch or e.kind <> h.evidence_kind
        or (e.scope = 'service' and (e.sid <> h.sid or e.generation <> h.generation)))`,
  },
  {
    rule: 'evidence about a whole node is about a revoked epoch',
    query: `select format('evidence %s (%s)', e.id, e.kind) as what
      from evidence e where e.cluster_id = $1 and e.kind <> 'agent-stopped' and not exists (
        select from revocation r where r.node_uid = e.node_uid and r.epoch = e.epoch)`,
  },
  {
    rule: 'a watchdog is evidence only after the deadline of a guarded lease',
    query: `select format('evidence %s', e.id) as what
      from evidence e where e.cluster_id = $1 and e.kind = 'watchdog-deadline'
        and not coalesce(e.guarded and e.decided_at >= e.lease_until, false)`,
  },
  {
    rule: 'what was never confirmed has no confirm',
    query: `select format('%s, generation %s', sid, generation) as what
      from run_grant_holder where cluster_id = $1 and evidence_kind = 'never-confirmed'
        and confirmed_at is not null`,
  },
  {
    rule: 'generations are issued below the next one',
    query: `select format('%s, generation %s (next is %s)', g.sid, g.generation, c.next_generation) as what
      from run_grant_holder g join crm c using (cluster_id)
      where g.cluster_id = $1 and g.generation >= c.next_generation`,
  },
  {
    rule: 'a generation is used once',
    query: `select format('generation %s', generation) as what
      from run_grant_holder where cluster_id = $1 group by generation having count(*) > 1`,
  },
  {
    rule: 'a cluster has its election row and its plane epoch',
    query: `select 'the cluster' as what from cluster c where c.id = $1 and not (
        exists (select from crm where cluster_id = c.id)
        and exists (select from plane_epoch where cluster_id = c.id))`,
  },
  {
    rule: 'a node has its lease, and a member that ever renewed it its status',
    query: `select n.name as what from node n where n.cluster_id = $1 and (
        not exists (select from lease l where l.node_uid = n.uid)
        or (n.removed_at is null
          and exists (select from lease l where l.node_uid = n.uid and l.renewed_at is not null)
          and not exists (select from node_status s where s.node_uid = n.uid)))`,
  },
  {
    rule: 'a removed node holds nothing',
    query: `select format('%s on %s', h.sid, n.name) as what
      from run_grant_holder h join node n on n.uid = h.node_uid
      where h.cluster_id = $1 and h.closed_at is null and n.removed_at is not null`,
  },
  {
    rule: 'rows stay inside their cluster',
    query: `select format('%s names node %s of another cluster', t.place, n.name) as what
      from (select 'lease' as place, node_uid, cluster_id from lease
        union all select 'run_grant_holder', node_uid, cluster_id from run_grant_holder
        union all select 'node_status', node_uid, cluster_id from node_status
        union all select 'service_status', node_uid, cluster_id from service_status
        union all select 'evidence', node_uid, cluster_id from evidence
        union all select 'revocation', node_uid, cluster_id from revocation
        union all select 'node_usage', node_uid, cluster_id from node_usage
        union all select 'desired', node_uid, cluster_id from desired) t
      join node n on n.uid = t.node_uid
      where t.cluster_id = $1 and n.cluster_id <> t.cluster_id`,
  },
  {
    rule: 'a group that a service names exists',
    query: `select format('%s names group %s', s.sid, s.group_name) as what
      from service s where s.cluster_id = $1 and s.group_name is not null and not exists (
        select from node_group g where g.cluster_id = s.cluster_id and g.name = s.group_name)`,
  },
  {
    // A removed node keeps its row: it may come back under its name, and rules wait for it.
    rule: 'a node that a rule or a service names is or was one of the cluster',
    query: `select format('%s names node %s', t.place, t.node) as what
      from (select 'rule ' || r.id as place, k as node from rule r,
            jsonb_object_keys(case jsonb_typeof(r.nodes) when 'object' then r.nodes end) k
          where r.cluster_id = $1
        union all select sid, node from service where cluster_id = $1 and node is not null) t
      where not exists (select from node n where n.cluster_id = $1 and n.name = t.node)`,
  },
  {
    rule: 'a rule names services, each once',
    query: `select format('rule %s', id) as what from rule
      where cluster_id = $1 and (select count(*) = 0 or count(*) <> count(distinct sid)
        from jsonb_array_elements_text(
          case jsonb_typeof(resources) when 'array' then resources end) sid)`,
  },
  {
    rule: 'the journal of rounds ends with the last round',
    query: `select format('round %s (last is %s)', j.round, c.round) as what
      from round_journal j join crm c using (cluster_id)
      where j.cluster_id = $1 and j.round > c.round`,
  },
]

export type Violation = { cluster: string; rule: string; what: string }

/** Runs every query on one cluster; give it a transaction with one snapshot. */
export async function findViolations(
  tx: postgres.TransactionSql,
  cluster: { id: number; name: string },
): Promise<Violation[]> {
  const found: Violation[] = []
  for (const { rule, query } of storedChecks) {
    const rows = await tx.unsafe<{ what: string }[]>(query, [cluster.id])
    found.push(...rows.map(({ what }) => ({ cluster: cluster.name, rule, what })))
  }
  return found
}
