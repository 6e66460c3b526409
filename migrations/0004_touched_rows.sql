CREATE TABLE "service_deletion" (
	"cluster_id" integer NOT NULL,
	"sid" text NOT NULL,
	"touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "service_deletion_cluster_id_sid_pk" PRIMARY KEY("cluster_id","sid")
);
--> statement-breakpoint
ALTER TABLE "node_report" ADD COLUMN "touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "node_usage" ADD COLUMN "touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "run_grant" ADD COLUMN "touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD COLUMN "touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "service" ADD COLUMN "touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "service_status" ADD COLUMN "touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "service_deletion" ADD CONSTRAINT "service_deletion_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "service_deletion_touched" ON "service_deletion" USING btree ("cluster_id","touched");--> statement-breakpoint
CREATE INDEX "run_grant_touched" ON "run_grant" USING btree ("cluster_id","touched");--> statement-breakpoint
CREATE INDEX "run_grant_holder_touched" ON "run_grant_holder" USING btree ("cluster_id","touched");--> statement-breakpoint
CREATE INDEX "service_touched" ON "service" USING btree ("cluster_id","touched");--> statement-breakpoint
CREATE INDEX "service_status_touched" ON "service_status" USING btree ("cluster_id","touched");