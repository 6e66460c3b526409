CREATE TABLE "node_usage" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"usage" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "round_journal" (
	"cluster_id" integer NOT NULL,
	"round" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"view" "bytea" NOT NULL,
	"plan" "bytea" NOT NULL,
	CONSTRAINT "round_journal_cluster_id_round_pk" PRIMARY KEY("cluster_id","round")
);
--> statement-breakpoint
CREATE TABLE "rule" (
	"cluster_id" integer NOT NULL,
	"id" text NOT NULL,
	"position" integer NOT NULL,
	"type" text NOT NULL,
	"resources" jsonb NOT NULL,
	"nodes" jsonb,
	"strict" boolean,
	"affinity" text,
	"disabled" boolean DEFAULT false NOT NULL,
	"comment" text DEFAULT '' NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	CONSTRAINT "rule_cluster_id_id_pk" PRIMARY KEY("cluster_id","id"),
	CONSTRAINT "rule_shape" CHECK (("rule"."type" = 'node-affinity' and "rule"."nodes" is not null and "rule"."strict" is not null
        and "rule"."affinity" is null) or ("rule"."type" = 'resource-affinity' and "rule"."nodes" is null
        and "rule"."strict" is null and "rule"."affinity" in ('positive', 'negative')))
);
--> statement-breakpoint
ALTER TABLE "crm" ADD COLUMN "disarm" jsonb;--> statement-breakpoint
ALTER TABLE "crm" ADD COLUMN "imbalanced_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "service" ADD COLUMN "failback" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "service" ADD COLUMN "auto_rebalance" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "service" ADD COLUMN "figures" jsonb;--> statement-breakpoint
ALTER TABLE "node_usage" ADD CONSTRAINT "node_usage_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_usage" ADD CONSTRAINT "node_usage_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "round_journal" ADD CONSTRAINT "round_journal_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rule" ADD CONSTRAINT "rule_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;