-- Golden dump of the migrated schema: npm run db:schema writes it.

create table audit_log (
  id bigint not null default nextval('audit_log_id_seq'::regclass),
  cluster_id integer,
  at timestamp with time zone not null default clock_timestamp(),
  actor text not null,
  method text not null,
  path text not null,
  status integer not null,
  detail jsonb not null default '{}'::jsonb,
  constraint audit_log_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_log_cluster ON public.audit_log USING btree (cluster_id, id);

create table challenge (
  node_uid uuid not null,
  cluster_id integer not null,
  epoch bigint not null,
  boot_id text not null,
  nonce text not null,
  questions jsonb not null,
  waits_for text not null default ''::text,
  constraint challenge_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint challenge_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint challenge_pkey PRIMARY KEY (node_uid)
);

create table change_log (
  id bigint not null default nextval('change_log_id_seq'::regclass),
  cluster_id integer not null,
  round bigint,
  at timestamp with time zone not null,
  kind text not null,
  sid text,
  node text,
  line text not null,
  why text not null,
  change jsonb not null,
  constraint change_log_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint change_log_pkey PRIMARY KEY (id)
);
CREATE INDEX change_log_cluster ON public.change_log USING btree (cluster_id, id);
CREATE INDEX change_log_sid ON public.change_log USING btree (cluster_id, sid, id);

create table clock_pair (
  host_boot_id text not null,
  boot_ms bigint not null,
  database_ms bigint not null,
  constraint clock_pair_host_boot_id_database_ms_pk PRIMARY KEY (host_boot_id, database_ms)
);

create table cluster (
  id integer not null default nextval('cluster_id_seq'::regclass),
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  development boolean not null default false,
  settings jsonb not null,
  settings_version bigint not null default 1,
  longest_lease_ms integer not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  constraint cluster_pkey PRIMARY KEY (id),
  constraint cluster_name_unique UNIQUE (name),
  constraint cluster_uuid_unique UNIQUE (uuid)
);

create table command (
  uid uuid not null,
  cluster_id integer not null,
  kind text not null,
  sid text,
  node text,
  arguments jsonb not null default '{}'::jsonb,
  status text not null,
  reason text not null default ''::text,
  actor text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  finished_at timestamp with time zone,
  constraint command_finished CHECK (((status = ANY (ARRAY['done'::text, 'failed'::text, 'refused'::text])) = (finished_at IS NOT NULL))),
  constraint command_status CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'done'::text, 'failed'::text, 'refused'::text]))),
  constraint command_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint command_pkey PRIMARY KEY (uid)
);
CREATE INDEX command_open ON public.command USING btree (cluster_id) WHERE (finished_at IS NULL);
CREATE INDEX command_recent ON public.command USING btree (cluster_id, created_at);

create table crm (
  cluster_id integer not null,
  round bigint not null default 0,
  next_round_at timestamp with time zone not null default clock_timestamp(),
  replica text,
  ran_at timestamp with time zone,
  next_generation bigint not null default 1,
  quorate boolean not null default true,
  quiet_since timestamp with time zone,
  disarm jsonb,
  imbalanced_since timestamp with time zone,
  constraint crm_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint crm_pkey PRIMARY KEY (cluster_id)
);

create table desired (
  node_uid uuid not null,
  cluster_id integer not null,
  plane_epoch bigint not null,
  revision bigint not null,
  document jsonb not null,
  digest text not null,
  managed text not null default ''::text,
  constraint desired_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint desired_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint desired_pkey PRIMARY KEY (node_uid)
);

create table epoch_request (
  node_uid uuid not null,
  cluster_id integer not null,
  boot_id text not null,
  hardware_id text not null,
  plane_epoch bigint not null,
  sent_ms double precision not null,
  nonce text,
  found jsonb not null,
  facts jsonb not null,
  requested_at timestamp with time zone not null,
  constraint epoch_request_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint epoch_request_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint epoch_request_pkey PRIMARY KEY (node_uid)
);

create table evidence (
  id bigint not null default nextval('evidence_id_seq'::regclass),
  cluster_id integer not null,
  node_uid uuid not null,
  epoch bigint not null,
  kind text not null,
  scope text not null,
  sid text,
  generation bigint,
  revoked_epoch bigint,
  lease_until timestamp with time zone,
  guarded boolean,
  facts jsonb not null,
  decided_at timestamp with time zone not null,
  fence_order text,
  fence_outcome text,
  constraint evidence_device_off CHECK (
CASE kind
    WHEN 'device-off'::text THEN ((fence_order IS NOT NULL) AND COALESCE((fence_outcome = 'off'::text), false))
    ELSE ((fence_order IS NULL) AND (fence_outcome IS NULL))
END),
  constraint evidence_kind_and_scope CHECK ((((kind = ANY (ARRAY['watchdog-deadline'::text, 'device-off'::text, 'new-boot'::text, 'operator'::text])) AND (scope = 'node'::text)) OR ((kind = ANY (ARRAY['agent-stopped'::text, 'never-confirmed'::text])) AND (scope = 'service'::text)))),
  constraint evidence_needs_revocation CHECK ((((kind = 'agent-stopped'::text) = (revoked_epoch IS NULL)) AND COALESCE((revoked_epoch = epoch), true))),
  constraint evidence_scope_columns CHECK ((((scope = 'service'::text) = (sid IS NOT NULL)) AND ((scope = 'service'::text) = (generation IS NOT NULL)))),
  constraint evidence_watchdog_deadline CHECK (((kind <> 'watchdog-deadline'::text) OR (COALESCE(guarded, false) AND COALESCE((decided_at >= lease_until), false)))),
  constraint evidence_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint evidence_fence_report_fk FOREIGN KEY (node_uid, epoch, fence_order, fence_outcome) REFERENCES fence_report(node_uid, epoch, order_uid, outcome),
  constraint evidence_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint evidence_node_uid_revoked_epoch_revocation_node_uid_epoch_fk FOREIGN KEY (node_uid, revoked_epoch) REFERENCES revocation(node_uid, epoch),
  constraint evidence_pkey PRIMARY KEY (id),
  constraint evidence_scope_key UNIQUE (id, node_uid, epoch, scope),
  constraint evidence_service_key UNIQUE (id, node_uid, epoch, sid, generation)
);

create table fence_check (
  node_uid uuid not null,
  cluster_id integer not null,
  name text not null,
  uid uuid not null,
  boot_id text not null,
  state text,
  is_expected boolean not null,
  fault text not null,
  at timestamp with time zone not null,
  constraint fence_check_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint fence_check_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint fence_check_node_uid_name_pk PRIMARY KEY (node_uid, name)
);

create table fence_device (
  node_uid uuid not null,
  cluster_id integer not null,
  name text not null,
  "position" integer not null,
  kind text not null,
  options jsonb not null,
  secret jsonb,
  expects jsonb not null,
  uid uuid not null,
  constraint fence_device_expects CHECK ((COALESCE((expects ->> 'uuid'::text), (expects ->> 'serial'::text)) IS NOT NULL)),
  constraint fence_device_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint fence_device_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint fence_device_node_uid_name_pk PRIMARY KEY (node_uid, name)
);

create table fence_order (
  node_uid uuid not null,
  cluster_id integer not null,
  epoch bigint not null,
  attempt integer not null,
  uid text not null,
  ordered_at timestamp with time zone not null,
  constraint fence_order_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint fence_order_node_uid_epoch_revocation_node_uid_epoch_fk FOREIGN KEY (node_uid, epoch) REFERENCES revocation(node_uid, epoch),
  constraint fence_order_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint fence_order_pkey PRIMARY KEY (node_uid)
);

create table fence_report (
  node_uid uuid not null,
  cluster_id integer not null,
  epoch bigint not null,
  order_uid text not null,
  attempt integer not null,
  outcome text not null,
  why text not null,
  devices jsonb not null,
  replica text not null,
  at timestamp with time zone not null,
  constraint fence_report_outcome CHECK ((outcome = ANY (ARRAY['off'::text, 'failed'::text]))),
  constraint fence_report_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint fence_report_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint fence_report_node_uid_order_uid_pk PRIMARY KEY (node_uid, order_uid),
  constraint fence_report_outcome_key UNIQUE (node_uid, epoch, order_uid, outcome)
);

create table join_token (
  id uuid not null,
  hash text not null,
  cluster_id integer not null,
  node text,
  uses_left integer not null,
  created_by text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  constraint join_token_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint join_token_pkey PRIMARY KEY (id),
  constraint join_token_hash_unique UNIQUE (hash)
);

create table lease (
  node_uid uuid not null,
  cluster_id integer not null,
  epoch bigint not null default 1,
  boot_id text,
  seq bigint not null default 0,
  lease_until timestamp with time zone not null default clock_timestamp(),
  lease_ms integer not null default 0,
  renewed_at timestamp with time zone,
  reported_at timestamp with time zone,
  armed boolean not null default false,
  guarded boolean,
  released_at timestamp with time zone,
  opened_sent_ms double precision,
  opened_nonce text,
  revision bigint not null default 0,
  attested_plane_epoch bigint not null default 0,
  lrm_state text not null default 'wait_for_agent_lock'::text,
  mode text not null default 'active'::text,
  report_digest text not null default ''::text,
  vouched_round bigint,
  constraint lease_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint lease_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint lease_pkey PRIMARY KEY (node_uid)
) with (fillfactor=40);
CREATE INDEX lease_cluster ON public.lease USING btree (cluster_id);
CREATE TRIGGER lease_guard BEFORE UPDATE ON public.lease FOR EACH ROW EXECUTE FUNCTION lease_guard();
CREATE TRIGGER no_delete BEFORE DELETE ON public.lease FOR EACH ROW EXECUTE FUNCTION no_delete();

create table node (
  uid uuid not null,
  cluster_id integer not null,
  name text not null,
  hardware_id text not null,
  credential_hash text not null,
  drivers jsonb not null,
  capacity jsonb not null,
  watchdog jsonb not null,
  virtual boolean not null,
  agent_version text not null,
  maintenance_requested boolean not null default false,
  joined_at timestamp with time zone not null default clock_timestamp(),
  removed_at timestamp with time zone,
  constraint node_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint node_pkey PRIMARY KEY (uid)
);
CREATE UNIQUE INDEX node_credential ON public.node USING btree (credential_hash);
CREATE UNIQUE INDEX node_name ON public.node USING btree (cluster_id, name) WHERE (removed_at IS NULL);
CREATE TRIGGER no_delete BEFORE DELETE ON public.node FOR EACH ROW EXECUTE FUNCTION no_delete();
CREATE TRIGGER node_guard BEFORE UPDATE ON public.node FOR EACH ROW EXECUTE FUNCTION node_guard();

create table node_group (
  cluster_id integer not null,
  name text not null,
  nodes jsonb not null,
  restricted boolean not null default false,
  nofailback boolean not null default false,
  comment text not null default ''::text,
  version bigint not null default 1,
  constraint node_group_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint node_group_cluster_id_name_pk PRIMARY KEY (cluster_id, name)
);
CREATE TRIGGER note_rules_touched AFTER INSERT OR DELETE OR UPDATE ON public.node_group FOR EACH ROW EXECUTE FUNCTION note_rules_touched();
CREATE TRIGGER note_rules_truncated AFTER TRUNCATE ON public.node_group FOR EACH STATEMENT EXECUTE FUNCTION note_rules_touched();

create table node_health (
  node_uid uuid not null,
  cluster_id integer not null,
  at timestamp with time zone not null,
  health jsonb not null,
  touched xid8 not null default pg_current_xact_id(),
  constraint node_health_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint node_health_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint node_health_pkey PRIMARY KEY (node_uid)
);
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON public.node_health FOR EACH ROW EXECUTE FUNCTION touch();

create table node_question (
  uid uuid not null,
  cluster_id integer not null,
  node_uid uuid not null,
  question jsonb not null,
  asked_at timestamp with time zone not null default clock_timestamp(),
  told_at timestamp with time zone,
  answer jsonb,
  constraint node_question_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint node_question_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint node_question_pkey PRIMARY KEY (uid)
);
CREATE INDEX node_question_node ON public.node_question USING btree (node_uid);

create table node_report (
  node_uid uuid not null,
  cluster_id integer not null,
  epoch bigint not null,
  boot_id text not null,
  seq bigint not null,
  revision bigint not null,
  at timestamp with time zone not null,
  report jsonb not null,
  touched xid8 not null default pg_current_xact_id(),
  constraint node_report_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint node_report_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint node_report_pkey PRIMARY KEY (node_uid)
);
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON public.node_report FOR EACH ROW EXECUTE FUNCTION touch();

create table node_status (
  node_uid uuid not null,
  cluster_id integer not null,
  state text not null,
  since timestamp with time zone not null,
  why text not null default ''::text,
  note text not null default ''::text,
  told_end text not null default ''::text,
  constraint node_status_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint node_status_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint node_status_pkey PRIMARY KEY (node_uid)
);

create table node_usage (
  node_uid uuid not null,
  cluster_id integer not null,
  at timestamp with time zone not null,
  usage jsonb not null,
  touched xid8 not null default pg_current_xact_id(),
  constraint node_usage_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint node_usage_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint node_usage_pkey PRIMARY KEY (node_uid)
);
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON public.node_usage FOR EACH ROW EXECUTE FUNCTION touch();

create table plane_epoch (
  cluster_id integer not null,
  number bigint not null,
  uuid uuid not null,
  system_id text not null,
  timeline text not null,
  postmaster_start timestamp with time zone not null,
  reason text not null,
  changed_at timestamp with time zone not null,
  number_floor bigint not null default 1,
  quarantine_until timestamp with time zone,
  constraint plane_epoch_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint plane_epoch_pkey PRIMARY KEY (cluster_id)
);

create table regress_claim (
  id bigint not null default nextval('regress_claim_id_seq'::regclass),
  cluster_id integer not null,
  node_uid uuid not null,
  plane_epoch bigint not null,
  why text not null,
  at timestamp with time zone not null default clock_timestamp(),
  constraint regress_claim_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint regress_claim_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint regress_claim_pkey PRIMARY KEY (id)
);

create table replica (
  name text not null,
  url text not null,
  started_at timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  constraint replica_pkey PRIMARY KEY (name)
);

create table revocation (
  node_uid uuid not null,
  epoch bigint not null,
  cluster_id integer not null,
  boot_id text,
  lease_until timestamp with time zone not null,
  guarded boolean,
  renewed_at timestamp with time zone,
  revoked_at timestamp with time zone not null,
  refuted_at timestamp with time zone,
  why text not null,
  constraint revocation_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint revocation_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint revocation_node_uid_epoch_pk PRIMARY KEY (node_uid, epoch)
);

create table round_journal (
  cluster_id integer not null,
  round bigint not null,
  at timestamp with time zone not null,
  view bytea not null,
  plan bytea not null,
  base_round bigint,
  constraint round_journal_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint round_journal_cluster_id_round_pk PRIMARY KEY (cluster_id, round)
);

create table rule (
  cluster_id integer not null,
  id text not null,
  "position" integer not null,
  type text not null,
  resources jsonb not null,
  nodes jsonb,
  strict boolean,
  affinity text,
  disabled boolean not null default false,
  comment text not null default ''::text,
  version bigint not null default 1,
  constraint rule_shape CHECK ((((type = 'node-affinity'::text) AND (nodes IS NOT NULL) AND (strict IS NOT NULL) AND (affinity IS NULL)) OR ((type = 'resource-affinity'::text) AND (nodes IS NULL) AND (strict IS NULL) AND (affinity = ANY (ARRAY['positive'::text, 'negative'::text]))))),
  constraint rule_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint rule_cluster_id_id_pk PRIMARY KEY (cluster_id, id)
);
CREATE TRIGGER note_rules_touched AFTER INSERT OR DELETE OR UPDATE ON public.rule FOR EACH ROW EXECUTE FUNCTION note_rules_touched();
CREATE TRIGGER note_rules_truncated AFTER TRUNCATE ON public.rule FOR EACH STATEMENT EXECUTE FUNCTION note_rules_touched();

create table rules_touched (
  cluster_id integer not null,
  touched xid8 not null default pg_current_xact_id(),
  constraint rules_touched_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint rules_touched_pkey PRIMARY KEY (cluster_id)
);

create table run_grant (
  cluster_id integer not null,
  sid text not null,
  generation bigint not null,
  opened_at timestamp with time zone not null,
  closed_at timestamp with time zone,
  touched xid8 not null default pg_current_xact_id(),
  constraint run_grant_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint run_grant_cluster_id_sid_generation_pk PRIMARY KEY (cluster_id, sid, generation)
);
CREATE INDEX run_grant_touched ON public.run_grant USING btree (cluster_id, touched);
CREATE UNIQUE INDEX run_grant_open ON public.run_grant USING btree (cluster_id, sid) WHERE (closed_at IS NULL);
CREATE TRIGGER grant_guard BEFORE UPDATE ON public.run_grant FOR EACH ROW EXECUTE FUNCTION grant_guard();
CREATE TRIGGER note_deletion AFTER DELETE ON public.run_grant FOR EACH ROW EXECUTE FUNCTION note_deletion();
CREATE TRIGGER prune_guard BEFORE DELETE ON public.run_grant FOR EACH ROW EXECUTE FUNCTION prune_guard();
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON public.run_grant FOR EACH ROW EXECUTE FUNCTION touch();

create table run_grant_holder (
  cluster_id integer not null,
  sid text not null,
  generation bigint not null,
  node_uid uuid not null,
  epoch bigint not null,
  opened_at timestamp with time zone not null,
  confirmed_at timestamp with time zone,
  confirmed_plane_epoch bigint,
  closed_at timestamp with time zone,
  evidence_id bigint,
  evidence_kind text,
  evidence_scope text,
  evidence_sid text,
  evidence_generation bigint,
  touched xid8 not null default pg_current_xact_id(),
  grant_generation bigint not null,
  constraint holder_closed_by_evidence CHECK ((num_nonnulls(closed_at, evidence_id, evidence_kind, evidence_scope) = ANY (ARRAY[0, 4]))),
  constraint holder_evidence_scope CHECK (
CASE evidence_scope
    WHEN 'service'::text THEN ((evidence_sid = sid) AND (evidence_generation = generation) AND (evidence_sid IS NOT NULL) AND (evidence_generation IS NOT NULL))
    ELSE ((evidence_sid IS NULL) AND (evidence_generation IS NULL))
END),
  constraint holder_never_confirmed CHECK (((evidence_kind IS DISTINCT FROM 'never-confirmed'::text) OR (confirmed_at IS NULL))),
  constraint run_grant_holder_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint run_grant_holder_cluster_id_sid_grant_generation_run_grant_clus FOREIGN KEY (cluster_id, sid, grant_generation) REFERENCES run_grant(cluster_id, sid, generation),
  constraint run_grant_holder_evidence_id_node_uid_epoch_evidence_scope_evid FOREIGN KEY (evidence_id, node_uid, epoch, evidence_scope) REFERENCES evidence(id, node_uid, epoch, scope),
  constraint run_grant_holder_evidence_id_node_uid_epoch_evidence_sid_eviden FOREIGN KEY (evidence_id, node_uid, epoch, evidence_sid, evidence_generation) REFERENCES evidence(id, node_uid, epoch, sid, generation),
  constraint run_grant_holder_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint run_grant_holder_cluster_id_sid_generation_pk PRIMARY KEY (cluster_id, sid, generation)
);
CREATE INDEX run_grant_holder_of_grant ON public.run_grant_holder USING btree (cluster_id, sid, grant_generation);
CREATE INDEX run_grant_holder_open ON public.run_grant_holder USING btree (node_uid) WHERE (closed_at IS NULL);
CREATE INDEX run_grant_holder_touched ON public.run_grant_holder USING btree (cluster_id, touched);
CREATE TRIGGER holder_insert_guard BEFORE INSERT ON public.run_grant_holder FOR EACH ROW EXECUTE FUNCTION holder_insert_guard();
CREATE TRIGGER holder_update_guard BEFORE UPDATE ON public.run_grant_holder FOR EACH ROW EXECUTE FUNCTION holder_update_guard();
CREATE TRIGGER note_deletion AFTER DELETE ON public.run_grant_holder FOR EACH ROW EXECUTE FUNCTION note_deletion();
CREATE TRIGGER prune_guard BEFORE DELETE ON public.run_grant_holder FOR EACH ROW EXECUTE FUNCTION prune_guard();
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON public.run_grant_holder FOR EACH ROW EXECUTE FUNCTION touch();

create table service (
  cluster_id integer not null,
  sid text not null,
  requested text not null,
  spec jsonb not null,
  group_name text,
  max_restart integer not null default 1,
  max_relocate integer not null default 1,
  stop_timeout_ms integer,
  comment text not null default ''::text,
  version bigint not null default 1,
  created_at timestamp with time zone not null default clock_timestamp(),
  failback boolean not null default true,
  auto_rebalance boolean not null default true,
  figures jsonb,
  node text,
  touched xid8 not null default pg_current_xact_id(),
  adopted_from text,
  adopted_after bigint,
  constraint service_requested CHECK ((requested = ANY (ARRAY['started'::text, 'stopped'::text, 'disabled'::text, 'ignored'::text]))),
  constraint service_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint service_cluster_id_group_name_node_group_cluster_id_name_fk FOREIGN KEY (cluster_id, group_name) REFERENCES node_group(cluster_id, name),
  constraint service_cluster_id_sid_pk PRIMARY KEY (cluster_id, sid)
);
CREATE INDEX service_touched ON public.service USING btree (cluster_id, touched);
CREATE TRIGGER note_deletion AFTER DELETE ON public.service FOR EACH ROW EXECUTE FUNCTION note_deletion();
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON public.service FOR EACH ROW EXECUTE FUNCTION touch();

create table service_deletion (
  cluster_id integer not null,
  sid text not null,
  touched xid8 not null default pg_current_xact_id(),
  constraint service_deletion_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint service_deletion_cluster_id_sid_pk PRIMARY KEY (cluster_id, sid)
);
CREATE INDEX service_deletion_touched ON public.service_deletion USING btree (cluster_id, touched);
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON public.service_deletion FOR EACH ROW EXECUTE FUNCTION touch();

create table service_status (
  cluster_id integer not null,
  sid text not null,
  state text not null,
  node_uid uuid,
  since timestamp with time zone not null,
  note text not null default ''::text,
  record jsonb not null,
  touched xid8 not null default pg_current_xact_id(),
  constraint service_status_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint service_status_node_uid_node_uid_fk FOREIGN KEY (node_uid) REFERENCES node(uid),
  constraint service_status_cluster_id_sid_pk PRIMARY KEY (cluster_id, sid)
);
CREATE INDEX service_status_touched ON public.service_status USING btree (cluster_id, touched);
CREATE TRIGGER note_deletion AFTER DELETE ON public.service_status FOR EACH ROW EXECUTE FUNCTION note_deletion();
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON public.service_status FOR EACH ROW EXECUTE FUNCTION touch();

create table token (
  id uuid not null,
  name text not null,
  hash text not null,
  role text not null,
  cluster_id integer,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint token_role CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text]))),
  constraint token_cluster_id_cluster_id_fk FOREIGN KEY (cluster_id) REFERENCES cluster(id),
  constraint token_pkey PRIMARY KEY (id),
  constraint token_hash_unique UNIQUE (hash)
);

CREATE OR REPLACE FUNCTION public.epoch_ms(moment timestamp with time zone)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((EXTRACT(epoch FROM moment))::double precision * (1000)::double precision);

CREATE OR REPLACE FUNCTION public.from_epoch_ms(ms double precision)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN to_timestamp((ms / (1000)::double precision));

CREATE OR REPLACE FUNCTION public.grant_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF old.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a closed grant is history (service %, generation %)', old.sid, old.generation;
  END IF;
  IF new.closed_at IS NOT NULL AND EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid
      AND h.grant_generation = new.generation AND h.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'a grant closes after each of its holders (service %, generation %)', new.sid, new.generation;
  END IF;
  RETURN new;
END $function$;

CREATE OR REPLACE FUNCTION public.holder_insert_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  others bigint;
BEGIN
  new.grant_generation = coalesce(new.grant_generation, new.generation);
  IF NOT EXISTS (
    SELECT FROM lease l
    WHERE l.node_uid = new.node_uid AND l.epoch = new.epoch AND l.boot_id IS NOT NULL
      AND l.lease_until > clock_timestamp()
  ) THEN
    RAISE EXCEPTION 'a grant is opened only under a current lease (service %, node %, epoch %)',
      new.sid, new.node_uid, new.epoch;
  END IF;
  -- Locked, so that two halves are never added at a time.
  PERFORM FROM run_grant g
    WHERE g.cluster_id = new.cluster_id AND g.sid = new.sid AND g.generation = new.grant_generation
      AND g.closed_at IS NULL
    FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'only an open grant gets a holder (service %, generation %)',
      new.sid, new.grant_generation;
  END IF;
  IF EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid AND h.generation >= new.generation
  ) THEN
    RAISE EXCEPTION 'a number is never used twice, nor one below (service %, generation %)',
      new.sid, new.generation;
  END IF;
  SELECT count(*) INTO others FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid
      AND h.grant_generation = new.grant_generation AND h.closed_at IS NULL;
  IF new.generation <> new.grant_generation AND others <> 1 THEN
    RAISE EXCEPTION 'a grant is shared by one holder with one other (service %, % hold it)',
      new.sid, others;
  END IF;
  IF EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid AND h.node_uid = new.node_uid
      AND h.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'a node holds a service once (service %, node %)', new.sid, new.node_uid;
  END IF;
  RETURN new;
END $function$;

CREATE OR REPLACE FUNCTION public.holder_update_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF old.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a closed holder is history (service %, generation %)', old.sid, old.generation;
  END IF;
  IF (new.generation, new.grant_generation, new.node_uid)
    IS DISTINCT FROM (old.generation, old.grant_generation, old.node_uid) THEN
    RAISE EXCEPTION 'a holder keeps its number, its grant and its node (service %)', old.sid;
  END IF;
  IF new.epoch < old.epoch THEN
    RAISE EXCEPTION 'a holder is adopted into a newer epoch only (service %)', old.sid;
  END IF;
  IF new.confirmed_at IS NULL AND old.confirmed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a confirm is never taken back (service %)', old.sid;
  END IF;
  RETURN new;
END $function$;

CREATE OR REPLACE FUNCTION public.lease_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF new.epoch < old.epoch THEN
    RAISE EXCEPTION 'lease epochs never go back (node %: % to %)', old.node_uid, old.epoch, new.epoch;
  END IF;
  IF new.lease_until < old.lease_until THEN
    RAISE EXCEPTION 'a fence deadline never moves back (node %)', old.node_uid;
  END IF;
  IF new.epoch = old.epoch AND old.boot_id IS NOT NULL AND new.boot_id IS DISTINCT FROM old.boot_id THEN
    RAISE EXCEPTION 'a lease epoch belongs to one boot (node %, epoch %)', old.node_uid, old.epoch;
  END IF;
  IF new.epoch = old.epoch AND new.boot_id = old.boot_id AND new.seq < old.seq THEN
    RAISE EXCEPTION 'lease sequence numbers never go back (node %)', old.node_uid;
  END IF;
  IF old.boot_id IS NULL AND new.boot_id IS NOT NULL AND EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.node_uid = new.node_uid AND h.closed_at IS NULL AND h.epoch <> new.epoch
  ) THEN
    RAISE EXCEPTION 'node % gets no new lease epoch while grants of older ones are open', new.node_uid;
  END IF;
  RETURN new;
END $function$;

CREATE OR REPLACE FUNCTION public.mark_rules_touched(written integer)
 RETURNS void
 LANGUAGE sql
 SET search_path TO '$user', 'public'
AS $function$
  INSERT INTO rules_touched (cluster_id, touched) VALUES (written, pg_current_xact_id())
  ON CONFLICT (cluster_id) DO UPDATE SET touched = excluded.touched
    WHERE rules_touched.touched <> excluded.touched
$function$;

CREATE OR REPLACE FUNCTION public.no_delete()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'rows of % are never deleted', tg_table_name;
END $function$;

CREATE OR REPLACE FUNCTION public.node_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF old.removed_at IS NULL AND new.removed_at IS NOT NULL AND EXISTS (
    SELECT FROM run_grant_holder h WHERE h.node_uid = new.uid AND h.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'node % cannot be removed while grants on it are open', new.name;
  END IF;
  RETURN new;
END $function$;

CREATE OR REPLACE FUNCTION public.note_deletion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO '$user', 'public'
AS $function$
BEGIN
  INSERT INTO service_deletion (cluster_id, sid) VALUES (old.cluster_id, old.sid)
  ON CONFLICT (cluster_id, sid) DO UPDATE SET touched = excluded.touched;
  RETURN old;
END $function$;

CREATE OR REPLACE FUNCTION public.note_rules_touched()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO '$user', 'public'
AS $function$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM mark_rules_touched(id) FROM cluster;
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    PERFORM mark_rules_touched(old.cluster_id);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM mark_rules_touched(new.cluster_id);
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.prune_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF old.closed_at IS NULL THEN
    RAISE EXCEPTION 'an open % is closed by evidence, never deleted (service %)', tg_table_name, old.sid;
  END IF;
  RETURN old;
END $function$;

CREATE OR REPLACE FUNCTION public.server_identity(OUT system_id text, OUT timeline text, OUT postmaster_start timestamp with time zone)
 RETURNS record
 LANGUAGE sql
 STABLE
RETURN ROW((SELECT (pg_control_system.system_identifier)::text AS system_identifier FROM pg_control_system() pg_control_system(pg_control_version, catalog_version_no, system_identifier, pg_control_last_modified)), substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), pg_postmaster_start_time());

CREATE OR REPLACE FUNCTION public.touch()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  new.touched := pg_current_xact_id();
  RETURN new;
END $function$;
