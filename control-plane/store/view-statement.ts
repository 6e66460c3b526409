// The statement behind load-view.ts: every part of a ClusterView as JSON, $1 the cluster's id.
// One statement is one snapshot: under READ COMMITTED nothing can slip in between its parts.
//
// With `onlyTouched`, $2 is the `horizon` of an earlier snapshot: the lowest transaction that it may not have shown. Of
// services, reports and usages, which are many, only those come that a transaction not below it has written since; rules
// and groups come as a whole, or not at all where nobody has written any since.

const head = `
  select jsonb_build_object(
    'horizon', pg_snapshot_xmin(pg_current_snapshot())::text,
    'identity', (select concat_ws(' ', i.system_id, i.timeline, i.postmaster_start)
      from server_identity() i),
    'cluster', jsonb_build_object('id', c.id, 'uuid', c.uuid, 'name', c.name, 'development', c.development),
    'nowMs', epoch_ms(clock_timestamp()),
    'round', m.round,
    'lastRoundMs', epoch_ms(m.ran_at),
    'settings', c.settings,
    'longestLeaseMs', c.longest_lease_ms,
    'planeEpoch', jsonb_build_object('number', p.number, 'uuid', p.uuid,
      'quarantineUntilMs', epoch_ms(p.quarantine_until)),
    'identityMatches', exists (select from server_identity() i where p.system_id = i.system_id
      and p.timeline = i.timeline and p.postmaster_start = i.postmaster_start),
    'quorate', m.quorate,
    'quietSinceMs', epoch_ms(m.quiet_since),
    'disarm', m.disarm,
    'imbalancedSinceMs', epoch_ms(m.imbalanced_since),
    'nextGeneration', m.next_generation,
    'regressClaims', (
      select coalesce(jsonb_agg(jsonb_build_object('planeEpoch', r.plane_epoch, 'why', r.why) order by r.id), '[]')
      from regress_claim r where r.cluster_id = c.id)
  )
  from cluster c
  join crm m on m.cluster_id = c.id
  join plane_epoch p on p.cluster_id = c.id
  where c.id = $1`

const lease = `jsonb_build_object(
    'epoch', l.epoch, 'bootId', l.boot_id, 'leaseUntilMs', epoch_ms(l.lease_until),
    'renewedMs', epoch_ms(l.renewed_at), 'reportedMs', epoch_ms(l.reported_at),
    'armed', l.armed, 'guarded', l.guarded, 'releasedMs', epoch_ms(l.released_at),
    'attestedPlaneEpoch', l.attested_plane_epoch, 'vouchedRound', l.vouched_round, 'lrmState', l.lrm_state, 'mode', l.mode)`

const revocations = `
  select coalesce(jsonb_agg(jsonb_build_object(
      'epoch', v.epoch, 'bootId', v.boot_id, 'leaseUntilMs', epoch_ms(v.lease_until),
      'guarded', v.guarded, 'refuted', v.refuted_at is not null, 'revokedMs', epoch_ms(v.revoked_at),
      'renewedMs', epoch_ms(v.renewed_at)) order by v.epoch), '[]')
  from revocation v
  where v.node_uid = n.uid and exists (
    select from run_grant_holder h
    where h.node_uid = n.uid and h.epoch = v.epoch and h.closed_at is null)`

const fenceDevices = `
  select jsonb_agg(jsonb_build_object('name', f.name, 'kind', f.kind, 'uid', f.uid,
    'expects', f.expects, 'checked', case when k.node_uid is not null then jsonb_build_object(
      'bootId', k.boot_id, 'state', k.state, 'isExpected', k.is_expected, 'fault', k.fault,
      'atMs', epoch_ms(k.at)) end) order by f.position, f.name)
  from fence_device f
  left join fence_check k on k.node_uid = f.node_uid and k.name = f.name and k.uid = f.uid
  where f.node_uid = n.uid`

// Of the order in force only: what was reported of another is history.
const fenceOrder = `
  select jsonb_build_object('epoch', o.epoch, 'attempt', o.attempt, 'uid', o.uid,
    'orderedMs', epoch_ms(o.ordered_at), 'report', (
      select jsonb_build_object('atMs', epoch_ms(p.at), 'outcome', p.outcome,
        'devices', p.devices)
      from fence_report p where p.node_uid = o.node_uid and p.order_uid = o.uid))
  from fence_order o where o.node_uid = n.uid`

const nodes = (isTouched: string) => `
  select coalesce(jsonb_agg(jsonb_build_object(
    'uid', n.uid, 'name', n.name, 'drivers', n.drivers, 'capacity', n.capacity,
    'watchdog', n.watchdog, 'virtual', n.virtual, 'maintenanceRequested', n.maintenance_requested,
    'state', coalesce(s.state, 'unknown'), 'sinceMs', coalesce(epoch_ms(s.since), epoch_ms(n.joined_at)),
    'note', coalesce(s.note, ''), 'toldEnd', coalesce(s.told_end, ''),
    'lease', ${lease},
    'revocations', (${revocations}),
    'hasReport', r.node_uid is not null,
    'report', case when r.node_uid is not null and ${isTouched} then
      jsonb_build_object('epoch', r.epoch, 'bootId', r.boot_id, 'seq', r.seq) || r.report end,
    'reportRevision', r.revision,
    'epochRequest', case when q.node_uid is not null then jsonb_build_object(
      'bootId', q.boot_id, 'sameHardware', q.hardware_id = n.hardware_id,
      'planeEpoch', q.plane_epoch, 'nonce', q.nonce, 'found', q.found,
      'requestedMs', epoch_ms(q.requested_at)) end,
    'challenge', case when h.node_uid is not null then jsonb_build_object(
      'epoch', h.epoch, 'bootId', h.boot_id, 'nonce', h.nonce, 'questions', h.questions,
      'waitsFor', h.waits_for) end,
    'fenceDevices', (${fenceDevices}), 'fenceOrder', (${fenceOrder}),
    'desiredDigest', coalesce(d.digest, '')) order by n.name), '[]')
  from node n
  join lease l on l.node_uid = n.uid
  left join node_status s on s.node_uid = n.uid
  left join node_report r on r.node_uid = n.uid
  left join epoch_request q on q.node_uid = n.uid
  left join challenge h on h.node_uid = n.uid
  left join desired d on d.node_uid = n.uid
  where n.cluster_id = $1 and n.removed_at is null`

const groups = `
  select coalesce(jsonb_agg(jsonb_build_object('name', name, 'nodes', nodes,
    'restricted', restricted, 'nofailback', nofailback)), '[]')
  from node_group where cluster_id = $1`

// Only the fields that a rule of its type has.
const rules = `
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', id, 'type', type,
    'resources', resources, 'nodes', nodes, 'strict', strict, 'affinity', affinity,
    'disabled', disabled, 'comment', comment)) order by position, id), '[]')
  from rule where cluster_id = $1`

const usages = (isTouched: string) => `
  select coalesce(jsonb_agg(jsonb_build_object('node', n.name, 'atMs', epoch_ms(u.at),
    'usage', u.usage)), '[]')
  from node_usage u join node n on n.uid = u.node_uid
  where u.cluster_id = $1 and n.removed_at is null and ${isTouched}`

const healths = (isTouched: string) => `
  select coalesce(jsonb_agg(jsonb_build_object('node', n.name, 'atMs', epoch_ms(e.at),
    'health', e.health)), '[]')
  from node_health e join node n on n.uid = e.node_uid
  where e.cluster_id = $1 and n.removed_at is null and ${isTouched}`

const services = (isMeant: string) => `
  select coalesce(jsonb_agg(jsonb_build_object('sid', sid, 'requested', requested, 'spec', spec,
    'group', group_name, 'maxRestart', max_restart, 'maxRelocate', max_relocate,
    'stopTimeoutMs', stop_timeout_ms, 'failback', failback, 'autoRebalance', auto_rebalance,
    'figures', figures, 'node', node, 'adoptedFrom', adopted_from,
    'adoptedAfter', adopted_after, 'version', version) order by sid), '[]')
  from service s where cluster_id = $1 and ${isMeant}`

const statuses = (isMeant: string) => `
  select coalesce(jsonb_agg(s.record || jsonb_build_object('sid', s.sid, 'state', s.state,
    'node', n.name, 'sinceMs', epoch_ms(s.since), 'note', s.note) order by s.sid), '[]')
  from service_status s
  left join node n on n.uid = s.node_uid and n.removed_at is null
  where s.cluster_id = $1 and ${isMeant}`

const grants = (isMeant: string) => `
  select coalesce(jsonb_agg(jsonb_build_object('sid', s.sid, 'generation', k.generation,
    'holders', k.holders) order by s.sid), '[]')
  from run_grant s cross join lateral (
    select min(h.generation) as generation, coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'node', n.name, 'epoch', h.epoch, 'confirmed', h.confirmed_at is not null,
      'generation', nullif(h.generation, s.generation))) order by h.generation), '[]') as holders
    from run_grant_holder h join node n on n.uid = h.node_uid
    where h.cluster_id = s.cluster_id and h.sid = s.sid and h.grant_generation = s.generation
      and h.closed_at is null) k
  where s.cluster_id = $1 and s.closed_at is null and ${isMeant}`

// The highest generation ever granted to each service: a higher one is of a history that this database does not know.
// Also of services that are configured no more, as long as a grant of theirs is open.
const lastGenerations = (sids: string) => `
  select coalesce(jsonb_object_agg(s.sid, s.last) filter (where s.last is not null), '{}') from (
    select k.sid, (select h.generation from run_grant_holder h
      where h.cluster_id = $1 and h.sid = k.sid order by h.generation desc limit 1) as last
    from (${sids}) k) s`

const managedOrGranted = `select sid from service where cluster_id = $1
      union select sid from run_grant where cluster_id = $1 and closed_at is null`

const commands = `
  select coalesce(jsonb_agg(jsonb_build_object('uid', uid, 'kind', kind, 'sid', sid, 'node', node,
    'stopTimeoutMs', (arguments->>'stopTimeoutMs')::int, 'status', status, 'reason', reason)
    order by created_at, uid), '[]')
  from command where cluster_id = $1 and finished_at is null and sid is not null`

const clusterCommands = `
  select coalesce(jsonb_agg(jsonb_build_object('uid', uid, 'kind', kind, 'node', node,
    'mode', arguments->>'mode', 'createdMs', epoch_ms(created_at), 'status', status, 'reason', reason) order by created_at, uid), '[]')
  from command where cluster_id = $1 and finished_at is null and sid is null`

/** Every service of which a row was written or deleted by a transaction that the snapshot may not have shown. */
const touchedServices = `touched as materialized (
  select sid from service where cluster_id = $1 and touched >= $2::text::xid8
  union select sid from service_status where cluster_id = $1 and touched >= $2::text::xid8
  union select sid from run_grant where cluster_id = $1 and touched >= $2::text::xid8
  union select sid from run_grant_holder where cluster_id = $1 and touched >= $2::text::xid8
  union select sid from service_deletion where cluster_id = $1 and touched >= $2::text::xid8)`

const areRulesTouched = `exists (
  select from rules_touched where cluster_id = $1 and touched >= $2::text::xid8)`

export function viewStatement(onlyTouched: boolean): string {
  const isMeant = onlyTouched ? 's.sid in (select sid from touched)' : 'true'
  const since = (table: string) => (onlyTouched ? `${table}.touched >= $2::text::xid8` : 'true')
  const touched = onlyTouched
    ? `(select coalesce(jsonb_agg(sid), '[]') from touched)`
    : `'[]'::jsonb`
  const ruled = (all: string) =>
    onlyTouched ? `case when ${areRulesTouched} then (${all}) end` : `(${all})`
  return `${onlyTouched ? `with ${touchedServices}` : ''} select
  (${head}) as head,
  ${touched} as touched,
  (${nodes(since('r'))}) as nodes,
  ${ruled(groups)} as groups,
  ${ruled(rules)} as rules,
  (${usages(since('u'))}) as usages,
  (${healths(since('e'))}) as healths,
  (${services(isMeant)}) as services,
  (${statuses(isMeant)}) as statuses,
  (${grants(isMeant)}) as grants,
  (${lastGenerations(onlyTouched ? 'select sid from touched' : managedOrGranted)}) as "lastGenerations",
  (${commands}) as commands,
  (${clusterCommands}) as "clusterCommands"`
}
