CREATE TABLE "node_question" (
	"uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"node_uid" uuid NOT NULL,
	"question" jsonb NOT NULL,
	"asked_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"told_at" timestamp with time zone,
	"answer" jsonb
);
--> statement-breakpoint
ALTER TABLE "service" ADD COLUMN "adopted_from" text;--> statement-breakpoint
ALTER TABLE "node_question" ADD CONSTRAINT "node_question_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_question" ADD CONSTRAINT "node_question_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "node_question_node" ON "node_question" USING btree ("node_uid");