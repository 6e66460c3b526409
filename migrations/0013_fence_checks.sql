CREATE TABLE "fence_check" (
	"node_uid" uuid NOT NULL,
	"cluster_id" integer NOT NULL,
	"name" text NOT NULL,
	"uid" uuid NOT NULL,
	"boot_id" text NOT NULL,
	"state" text,
	"is_expected" boolean NOT NULL,
	"fault" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "fence_check_node_uid_name_pk" PRIMARY KEY("node_uid","name")
);
--> statement-breakpoint
ALTER TABLE "fence_check" ADD CONSTRAINT "fence_check_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fence_check" ADD CONSTRAINT "fence_check_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;