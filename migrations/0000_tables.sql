CREATE TABLE "audit_log" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"cluster_id" integer,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"actor" text NOT NULL,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"status" integer NOT NULL,
	"detail" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "challenge" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"epoch" bigint NOT NULL,
	"boot_id" text NOT NULL,
	"nonce" text NOT NULL,
	"questions" jsonb NOT NULL,
	"waits_for" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "change_log" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"round" bigint,
	"at" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"sid" text,
	"node" text,
	"line" text NOT NULL,
	"why" text NOT NULL,
	"change" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "clock_pair" (
	"host_boot_id" text NOT NULL,
	"boot_ms" bigint NOT NULL,
	"database_ms" bigint NOT NULL,
	CONSTRAINT "clock_pair_host_boot_id_database_ms_pk" PRIMARY KEY("host_boot_id","database_ms")
);
--> statement-breakpoint
CREATE TABLE "cluster" (
	"id" serial PRIMARY KEY NOT NULL,
	"uuid" uuid DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"development" boolean DEFAULT false NOT NULL,
	"settings" jsonb NOT NULL,
	"settings_version" bigint DEFAULT 1 NOT NULL,
	"longest_lease_ms" integer NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "cluster_uuid_unique" UNIQUE("uuid"),
	CONSTRAINT "cluster_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "command" (
	"uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"kind" text NOT NULL,
	"sid" text,
	"node" text,
	"arguments" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"status" text NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"actor" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "command_status" CHECK ("command"."status" in ('pending', 'running', 'done', 'failed', 'refused')),
	CONSTRAINT "command_finished" CHECK (("command"."status" in ('done', 'failed', 'refused')) = ("command"."finished_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "crm" (
	"cluster_id" integer PRIMARY KEY NOT NULL,
	"round" bigint DEFAULT 0 NOT NULL,
	"next_round_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"replica" text,
	"ran_at" timestamp with time zone,
	"next_generation" bigint DEFAULT 1 NOT NULL,
	"quorate" boolean DEFAULT true NOT NULL,
	"quiet_since" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "desired" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"plane_epoch" bigint NOT NULL,
	"revision" bigint NOT NULL,
	"document" jsonb NOT NULL,
	"digest" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "epoch_request" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"boot_id" text NOT NULL,
	"hardware_id" text NOT NULL,
	"plane_epoch" bigint NOT NULL,
	"sent_ms" double precision NOT NULL,
	"nonce" text,
	"found" jsonb NOT NULL,
	"facts" jsonb NOT NULL,
	"requested_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "evidence" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"node_uid" uuid NOT NULL,
	"epoch" bigint NOT NULL,
	"kind" text NOT NULL,
	"scope" text NOT NULL,
	"sid" text,
	"generation" bigint,
	"revoked_epoch" bigint,
	"lease_until" timestamp with time zone,
	"guarded" boolean,
	"facts" jsonb NOT NULL,
	"decided_at" timestamp with time zone NOT NULL,
	CONSTRAINT "evidence_scope_key" UNIQUE("id","node_uid","epoch","scope"),
	CONSTRAINT "evidence_service_key" UNIQUE("id","node_uid","epoch","sid","generation"),
	CONSTRAINT "evidence_kind_and_scope" CHECK (("evidence"."kind" in ('watchdog-deadline', 'device-off', 'new-boot', 'operator') and "evidence"."scope" = 'node')
       or ("evidence"."kind" in ('agent-stopped', 'never-confirmed') and "evidence"."scope" = 'service')),
	CONSTRAINT "evidence_scope_columns" CHECK (("evidence"."scope" = 'service') = ("evidence"."sid" is not null) and ("evidence"."scope" = 'service') = ("evidence"."generation" is not null)),
	CONSTRAINT "evidence_needs_revocation" CHECK (("evidence"."kind" = 'agent-stopped') = ("evidence"."revoked_epoch" is null) and coalesce("evidence"."revoked_epoch" = "evidence"."epoch", true)),
	CONSTRAINT "evidence_watchdog_deadline" CHECK ("evidence"."kind" <> 'watchdog-deadline' or (coalesce("evidence"."guarded", false) and coalesce("evidence"."decided_at" >= "evidence"."lease_until", false)))
);
--> statement-breakpoint
CREATE TABLE "node_group" (
	"cluster_id" integer NOT NULL,
	"name" text NOT NULL,
	"nodes" jsonb NOT NULL,
	"restricted" boolean DEFAULT false NOT NULL,
	"nofailback" boolean DEFAULT false NOT NULL,
	"comment" text DEFAULT '' NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	CONSTRAINT "node_group_cluster_id_name_pk" PRIMARY KEY("cluster_id","name")
);
--> statement-breakpoint
CREATE TABLE "join_token" (
	"id" uuid PRIMARY KEY NOT NULL,
	"hash" text NOT NULL,
	"cluster_id" integer NOT NULL,
	"node" text,
	"uses_left" integer NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "join_token_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "lease" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"epoch" bigint DEFAULT 1 NOT NULL,
	"boot_id" text,
	"seq" bigint DEFAULT 0 NOT NULL,
	"lease_until" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"lease_ms" integer DEFAULT 0 NOT NULL,
	"renewed_at" timestamp with time zone,
	"reported_at" timestamp with time zone,
	"armed" boolean DEFAULT false NOT NULL,
	"guarded" boolean,
	"released_at" timestamp with time zone,
	"opened_sent_ms" double precision,
	"opened_nonce" text,
	"revision" bigint DEFAULT 0 NOT NULL,
	"attested_plane_epoch" bigint DEFAULT 0 NOT NULL,
	"lrm_state" text DEFAULT 'wait_for_agent_lock' NOT NULL,
	"mode" text DEFAULT 'active' NOT NULL,
	"report_digest" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "node" (
	"uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"name" text NOT NULL,
	"hardware_id" text NOT NULL,
	"credential_hash" text NOT NULL,
	"drivers" jsonb NOT NULL,
	"capacity" jsonb NOT NULL,
	"watchdog" jsonb NOT NULL,
	"virtual" boolean NOT NULL,
	"agent_version" text NOT NULL,
	"maintenance_requested" boolean DEFAULT false NOT NULL,
	"joined_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"removed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "node_report" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"epoch" bigint NOT NULL,
	"boot_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"revision" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"report" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "node_status" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"state" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"why" text DEFAULT '' NOT NULL,
	"note" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "plane_epoch" (
	"cluster_id" integer PRIMARY KEY NOT NULL,
	"number" bigint NOT NULL,
	"uuid" uuid NOT NULL,
	"system_id" text NOT NULL,
	"timeline" text NOT NULL,
	"postmaster_start" timestamp with time zone NOT NULL,
	"reason" text NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"number_floor" bigint DEFAULT 1 NOT NULL,
	"quarantine_until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "regress_claim" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"node_uid" uuid NOT NULL,
	"plane_epoch" bigint NOT NULL,
	"why" text NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "replica" (
	"name" text PRIMARY KEY NOT NULL,
	"url" text NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "revocation" (
	"node_uid" uuid NOT NULL,
	"epoch" bigint NOT NULL,
	"cluster_id" integer NOT NULL,
	"boot_id" text,
	"lease_until" timestamp with time zone NOT NULL,
	"guarded" boolean,
	"renewed_at" timestamp with time zone,
	"revoked_at" timestamp with time zone NOT NULL,
	"refuted_at" timestamp with time zone,
	"why" text NOT NULL,
	CONSTRAINT "revocation_node_uid_epoch_pk" PRIMARY KEY("node_uid","epoch")
);
--> statement-breakpoint
CREATE TABLE "run_grant" (
	"cluster_id" integer NOT NULL,
	"sid" text NOT NULL,
	"generation" bigint NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"closed_at" timestamp with time zone,
	CONSTRAINT "run_grant_cluster_id_sid_generation_pk" PRIMARY KEY("cluster_id","sid","generation")
);
--> statement-breakpoint
CREATE TABLE "run_grant_holder" (
	"cluster_id" integer NOT NULL,
	"sid" text NOT NULL,
	"generation" bigint NOT NULL,
	"node_uid" uuid NOT NULL,
	"epoch" bigint NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"confirmed_at" timestamp with time zone,
	"confirmed_plane_epoch" bigint,
	"closed_at" timestamp with time zone,
	"evidence_id" bigint,
	"evidence_kind" text,
	"evidence_scope" text,
	"evidence_sid" text,
	"evidence_generation" bigint,
	CONSTRAINT "run_grant_holder_cluster_id_sid_generation_node_uid_pk" PRIMARY KEY("cluster_id","sid","generation","node_uid"),
	CONSTRAINT "holder_closed_by_evidence" CHECK (num_nonnulls("run_grant_holder"."closed_at", "run_grant_holder"."evidence_id", "run_grant_holder"."evidence_kind", "run_grant_holder"."evidence_scope") in (0, 4)),
	CONSTRAINT "holder_evidence_scope" CHECK (case "run_grant_holder"."evidence_scope"
        when 'service' then "run_grant_holder"."evidence_sid" = "run_grant_holder"."sid" and "run_grant_holder"."evidence_generation" = "run_grant_holder"."generation"
          and "run_grant_holder"."evidence_sid" is not null and "run_grant_holder"."evidence_generation" is not null
        else "run_grant_holder"."evidence_sid" is null and "run_grant_holder"."evidence_generation" is null end),
	CONSTRAINT "holder_never_confirmed" CHECK ("run_grant_holder"."evidence_kind" is distinct from 'never-confirmed' or "run_grant_holder"."confirmed_at" is null)
);
--> statement-breakpoint
CREATE TABLE "service" (
	"cluster_id" integer NOT NULL,
	"sid" text NOT NULL,
	"requested" text NOT NULL,
	"spec" jsonb NOT NULL,
	"group_name" text,
	"max_restart" integer DEFAULT 1 NOT NULL,
	"max_relocate" integer DEFAULT 1 NOT NULL,
	"stop_timeout_ms" integer,
	"comment" text DEFAULT '' NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "service_cluster_id_sid_pk" PRIMARY KEY("cluster_id","sid"),
	CONSTRAINT "service_requested" CHECK ("service"."requested" in ('started', 'stopped', 'disabled', 'ignored'))
);
--> statement-breakpoint
CREATE TABLE "service_status" (
	"cluster_id" integer NOT NULL,
	"sid" text NOT NULL,
	"state" text NOT NULL,
	"node_uid" uuid,
	"since" timestamp with time zone NOT NULL,
	"note" text DEFAULT '' NOT NULL,
	"record" jsonb NOT NULL,
	CONSTRAINT "service_status_cluster_id_sid_pk" PRIMARY KEY("cluster_id","sid")
);
--> statement-breakpoint
CREATE TABLE "token" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"role" text NOT NULL,
	"cluster_id" integer,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "token_hash_unique" UNIQUE("hash"),
	CONSTRAINT "token_role" CHECK ("token"."role" in ('viewer', 'operator', 'admin'))
);
--> statement-breakpoint
ALTER TABLE "challenge" ADD CONSTRAINT "challenge_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "challenge" ADD CONSTRAINT "challenge_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "change_log" ADD CONSTRAINT "change_log_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "command" ADD CONSTRAINT "command_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "crm" ADD CONSTRAINT "crm_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "desired" ADD CONSTRAINT "desired_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "desired" ADD CONSTRAINT "desired_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "epoch_request" ADD CONSTRAINT "epoch_request_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "epoch_request" ADD CONSTRAINT "epoch_request_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evidence" ADD CONSTRAINT "evidence_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evidence" ADD CONSTRAINT "evidence_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evidence" ADD CONSTRAINT "evidence_node_uid_revoked_epoch_revocation_node_uid_epoch_fk" FOREIGN KEY ("node_uid","revoked_epoch") REFERENCES "public"."revocation"("node_uid","epoch") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_group" ADD CONSTRAINT "node_group_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "join_token" ADD CONSTRAINT "join_token_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lease" ADD CONSTRAINT "lease_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lease" ADD CONSTRAINT "lease_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node" ADD CONSTRAINT "node_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_report" ADD CONSTRAINT "node_report_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_report" ADD CONSTRAINT "node_report_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_status" ADD CONSTRAINT "node_status_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_status" ADD CONSTRAINT "node_status_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plane_epoch" ADD CONSTRAINT "plane_epoch_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "regress_claim" ADD CONSTRAINT "regress_claim_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "regress_claim" ADD CONSTRAINT "regress_claim_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "revocation" ADD CONSTRAINT "revocation_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "revocation" ADD CONSTRAINT "revocation_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_grant" ADD CONSTRAINT "run_grant_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD CONSTRAINT "run_grant_holder_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD CONSTRAINT "run_grant_holder_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD CONSTRAINT "run_grant_holder_cluster_id_sid_generation_run_grant_cluster_id_sid_generation_fk" FOREIGN KEY ("cluster_id","sid","generation") REFERENCES "public"."run_grant"("cluster_id","sid","generation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD CONSTRAINT "run_grant_holder_evidence_id_node_uid_epoch_evidence_scope_evidence_id_node_uid_epoch_scope_fk" FOREIGN KEY ("evidence_id","node_uid","epoch","evidence_scope") REFERENCES "public"."evidence"("id","node_uid","epoch","scope") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD CONSTRAINT "run_grant_holder_evidence_id_node_uid_epoch_evidence_sid_evidence_generation_evidence_id_node_uid_epoch_sid_generation_fk" FOREIGN KEY ("evidence_id","node_uid","epoch","evidence_sid","evidence_generation") REFERENCES "public"."evidence"("id","node_uid","epoch","sid","generation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service" ADD CONSTRAINT "service_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service" ADD CONSTRAINT "service_cluster_id_group_name_node_group_cluster_id_name_fk" FOREIGN KEY ("cluster_id","group_name") REFERENCES "public"."node_group"("cluster_id","name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_status" ADD CONSTRAINT "service_status_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_status" ADD CONSTRAINT "service_status_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "token" ADD CONSTRAINT "token_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_log_cluster" ON "audit_log" USING btree ("cluster_id","id");--> statement-breakpoint
CREATE INDEX "change_log_cluster" ON "change_log" USING btree ("cluster_id","id");--> statement-breakpoint
CREATE INDEX "change_log_sid" ON "change_log" USING btree ("cluster_id","sid","id");--> statement-breakpoint
CREATE INDEX "command_open" ON "command" USING btree ("cluster_id") WHERE "command"."finished_at" is null;--> statement-breakpoint
CREATE INDEX "command_recent" ON "command" USING btree ("cluster_id","created_at");--> statement-breakpoint
CREATE INDEX "lease_cluster" ON "lease" USING btree ("cluster_id");--> statement-breakpoint
CREATE UNIQUE INDEX "node_name" ON "node" USING btree ("cluster_id","name") WHERE "node"."removed_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "node_credential" ON "node" USING btree ("credential_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "run_grant_open" ON "run_grant" USING btree ("cluster_id","sid") WHERE "run_grant"."closed_at" is null;--> statement-breakpoint
CREATE INDEX "run_grant_holder_open" ON "run_grant_holder" USING btree ("node_uid") WHERE "run_grant_holder"."closed_at" is null;