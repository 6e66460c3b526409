// The one statement by which leases are renewed, many at once, and grants confirmed. Most of the safety contract's
// rules 1, 4, 5, 8, 9, 11 and 12 stand in its conditions. Must stay a single statement: it is its own transaction.
//
// $1 JSON array of Renewal rows. A row's conditions that fail leave its lease untouched; the caller then asks why.
// - granted only on the server, timeline and start that the plane epoch knows (a standby raises), and only to the
//   boot, epoch and plane epoch that hold the lease, with a `seq` never seen before;
// - lease_until never moves back, and counts from clock_timestamp() here, not from the transaction's start;
// - rows are locked in node order, and those another transaction holds are skipped, so that nobody's lease waits for
//   another's trouble; the caller retries these alone;
// - without quorum the report is taken in, and nothing is granted;
// - a confirm needs an open holder under this very epoch, an armed watchdog and no quarantine.

/** What one renewal brings to the statement. */
export type RenewalRow = {
  nodeUid: string
  clusterId: number
  epoch: number
  bootId: string
  seq: number
  planeNumber: number
  planeUuid: string
  armed: boolean
  hasConfirms: boolean
  revision: number
  lrmState: string
  mode: string
  digest: string
  /** null: unchanged, as far as this replica knows. */
  report: unknown
  confirms: { sid: string; generation: number }[]
}

export type RenewedRow = {
  nodeUid: string
  seq: number
  leaseMs: number
  quorate: boolean
  /** Its watchdog's silence proves nothing in this epoch. */
  unguarded: boolean
  /** Of the report as stored: differs where this replica wrongly thought it unchanged. */
  digest: string
  wroteReport: boolean
  revision: number
  nodeState: string | null
  confirmed: { sid: string; generation: number }[]
  databaseMs: number
}

export function renewalStatement(skipLocked: boolean): string {
  return `
with request as (
  select r.* from jsonb_to_recordset($1::text::jsonb) as r(
    "nodeUid" uuid, "clusterId" int, epoch bigint, "bootId" text, seq bigint, "planeNumber" bigint,
    "planeUuid" uuid, armed boolean, "hasConfirms" boolean, revision bigint, "lrmState" text,
    mode text, digest text, report jsonb, confirms jsonb),
    -- In the transaction itself, whatever the session or the server says.
    (select set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '1000', true)) s
), locked as materialized (
  select l.node_uid from lease l join request r on r."nodeUid" = l.node_uid
  order by l.node_uid for update of l ${skipLocked ? 'skip locked' : ''}
), renewed as (
  update lease l set
    seq = r.seq,
    reported_at = clock_timestamp(),
    renewed_at = case when m.quorate then clock_timestamp() else l.renewed_at end,
    lease_ms = t.lease_ms,
    lease_until = case when m.quorate
      then greatest(l.lease_until, clock_timestamp()
        + make_interval(secs => (ceil(t.lease_ms * 1.0201) + t.margin_ms) / 1000.0))
      else l.lease_until end,
    armed = r.armed,
    guarded = case
      when r.armed then case when r."hasConfirms" then coalesce(l.guarded, true) else l.guarded end
      when exists (select from run_grant_holder h where h.node_uid = l.node_uid
        and h.closed_at is null and h.confirmed_at is not null)
        -- An adopted grant was confirmed in an older epoch; in this one its agent arms once it has a lease.
        then case when l.guarded is null then null else false end
      else null end,
    released_at = case when r.armed then null else l.released_at end,
    revision = r.revision,
    -- Attested is what the stored report says, not that a request came in.
    attested_plane_epoch = case when r.report is not null or l.report_digest = r.digest
      then r."planeNumber" else l.attested_plane_epoch end,
    lrm_state = r."lrmState",
    mode = r.mode,
    report_digest = case when r.report is null then l.report_digest else r.digest end
  from request r
    join locked k on k.node_uid = r."nodeUid"
    join plane_epoch p on p.cluster_id = r."clusterId"
    join crm m on m.cluster_id = r."clusterId"
    join cluster c on c.id = r."clusterId"
    cross join lateral (select (c.settings->'timing'->>'leaseMs')::int as lease_ms,
      (c.settings->'timing'->>'marginMs')::int as margin_ms) t
    cross join (select * from server_identity() offset 0) i
  where l.node_uid = r."nodeUid" and l.cluster_id = r."clusterId"
    and l.epoch = r.epoch and l.boot_id = r."bootId" and l.seq < r.seq
    and p.number = r."planeNumber" and p.uuid = r."planeUuid"
    and p.system_id = i.system_id and p.timeline = i.timeline
    and p.postmaster_start = i.postmaster_start
  returning l.node_uid, l.cluster_id, l.epoch, l.boot_id, l.seq, l.lease_ms, m.quorate, l.armed, l.guarded,
    p.number as plane_number, p.quarantine_until is null as unquarantined, l.report_digest,
    r.report, r.digest, r.revision as obeyed, r.confirms
), confirmed as (
  update run_grant_holder h set confirmed_at = coalesce(h.confirmed_at, clock_timestamp()),
    confirmed_plane_epoch = n.plane_number
  from renewed n cross join lateral jsonb_to_recordset(n.confirms) as q(sid text, generation bigint)
  where n.quorate and n.armed and n.unquarantined
    and h.cluster_id = n.cluster_id and h.sid = q.sid and h.generation = q.generation
    and h.node_uid = n.node_uid and h.epoch = n.epoch and h.closed_at is null
  returning h.node_uid, h.sid, h.generation
), reported as (
  insert into node_report (node_uid, cluster_id, epoch, boot_id, seq, revision, at, report)
  select node_uid, cluster_id, epoch, boot_id, seq, obeyed, clock_timestamp(), report
  from renewed where report is not null
  on conflict (node_uid) do update set epoch = excluded.epoch, boot_id = excluded.boot_id,
    seq = excluded.seq, revision = excluded.revision, at = excluded.at, report = excluded.report
  returning node_uid
)
select n.node_uid as "nodeUid", n.seq::float8 as seq, n.lease_ms as "leaseMs", n.quorate,
  coalesce(not n.guarded, false) as unguarded, n.report_digest as digest, n.report is not null as "wroteReport",
  coalesce((select d.revision::float8 from desired d where d.node_uid = n.node_uid), 0) as revision,
  (select s.state from node_status s where s.node_uid = n.node_uid) as "nodeState",
  coalesce((select jsonb_agg(jsonb_build_object('sid', f.sid, 'generation', f.generation))
    from confirmed f where f.node_uid = n.node_uid), '[]') as confirmed,
  epoch_ms(clock_timestamp()) as "databaseMs"
from renewed n`
}

/** Why a renewal was not granted, read afterwards. $1 node uids. */
export const whyNotStatement = `
select l.node_uid as "nodeUid", l.epoch::float8 as epoch, l.boot_id as "bootId",
  l.seq::float8 as seq, coalesce((select max(v.epoch) from revocation v
    where v.node_uid = l.node_uid), 0)::float8 as "lastRevoked", p.number_floor::float8 as "numberFloor", p.number::float8 as "planeNumber", p.uuid as "planeUuid",
  exists (select from server_identity() i where p.system_id = i.system_id
    and p.timeline = i.timeline and p.postmaster_start = i.postmaster_start) as "sameServer"
from lease l join plane_epoch p on p.cluster_id = l.cluster_id
where l.node_uid = any($1::uuid[])`
