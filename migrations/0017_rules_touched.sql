CREATE TABLE "rules_touched" (
	"cluster_id" integer PRIMARY KEY NOT NULL,
	"touched" "xid8" DEFAULT pg_current_xact_id() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "rules_touched" ADD CONSTRAINT "rules_touched_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;