CREATE TABLE "node_health" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"health" jsonb NOT NULL,
	"touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "node_status" ADD COLUMN "told_end" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "node_health" ADD CONSTRAINT "node_health_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_health" ADD CONSTRAINT "node_health_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;