ALTER TABLE "run_grant_holder" DROP CONSTRAINT "run_grant_holder_cluster_id_sid_generation_run_grant_cluster_id_sid_generation_fk";
--> statement-breakpoint
ALTER TABLE "run_grant_holder" DROP CONSTRAINT "run_grant_holder_cluster_id_sid_generation_node_uid_pk";--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD CONSTRAINT "run_grant_holder_cluster_id_sid_generation_pk" PRIMARY KEY("cluster_id","sid","generation");--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD COLUMN "grant_generation" bigint;--> statement-breakpoint
-- Every holder so far bears the number of its grant. History takes no updates otherwise.
ALTER TABLE "run_grant_holder" DISABLE TRIGGER USER;--> statement-breakpoint
UPDATE "run_grant_holder" SET "grant_generation" = "generation";--> statement-breakpoint
ALTER TABLE "run_grant_holder" ENABLE TRIGGER USER;--> statement-breakpoint
ALTER TABLE "run_grant_holder" ALTER COLUMN "grant_generation" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "run_grant_holder" ADD CONSTRAINT "run_grant_holder_cluster_id_sid_grant_generation_run_grant_cluster_id_sid_generation_fk" FOREIGN KEY ("cluster_id","sid","grant_generation") REFERENCES "public"."run_grant"("cluster_id","sid","generation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "run_grant_holder_of_grant" ON "run_grant_holder" USING btree ("cluster_id","sid","grant_generation");