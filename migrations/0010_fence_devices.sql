CREATE TABLE "fence_device" (
	"node_uid" uuid NOT NULL,
	"cluster_id" integer NOT NULL,
	"name" text NOT NULL,
	"position" integer NOT NULL,
	"kind" text NOT NULL,
	"options" jsonb NOT NULL,
	"secret" jsonb,
	"expects" jsonb NOT NULL,
	"uid" uuid NOT NULL,
	CONSTRAINT "fence_device_node_uid_name_pk" PRIMARY KEY("node_uid","name"),
	CONSTRAINT "fence_device_expects" CHECK (coalesce("fence_device"."expects"->>'uuid', "fence_device"."expects"->>'serial') is not null)
);
--> statement-breakpoint
CREATE TABLE "fence_order" (
	"node_uid" uuid PRIMARY KEY NOT NULL,
	"cluster_id" integer NOT NULL,
	"epoch" bigint NOT NULL,
	"attempt" integer NOT NULL,
	"uid" text NOT NULL,
	"ordered_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "fence_report" (
	"node_uid" uuid NOT NULL,
	"cluster_id" integer NOT NULL,
	"epoch" bigint NOT NULL,
	"order_uid" text NOT NULL,
	"attempt" integer NOT NULL,
	"outcome" text NOT NULL,
	"why" text NOT NULL,
	"devices" jsonb NOT NULL,
	"replica" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "fence_report_node_uid_order_uid_pk" PRIMARY KEY("node_uid","order_uid"),
	CONSTRAINT "fence_report_outcome_key" UNIQUE("node_uid","epoch","order_uid","outcome"),
	CONSTRAINT "fence_report_outcome" CHECK ("fence_report"."outcome" in ('off', 'failed'))
);
--> statement-breakpoint
ALTER TABLE "evidence" ADD COLUMN "fence_order" text;--> statement-breakpoint
ALTER TABLE "evidence" ADD COLUMN "fence_outcome" text;--> statement-breakpoint
ALTER TABLE "fence_device" ADD CONSTRAINT "fence_device_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fence_device" ADD CONSTRAINT "fence_device_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fence_order" ADD CONSTRAINT "fence_order_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fence_order" ADD CONSTRAINT "fence_order_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fence_order" ADD CONSTRAINT "fence_order_node_uid_epoch_revocation_node_uid_epoch_fk" FOREIGN KEY ("node_uid","epoch") REFERENCES "public"."revocation"("node_uid","epoch") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fence_report" ADD CONSTRAINT "fence_report_node_uid_node_uid_fk" FOREIGN KEY ("node_uid") REFERENCES "public"."node"("uid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fence_report" ADD CONSTRAINT "fence_report_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evidence" ADD CONSTRAINT "evidence_fence_report_fk" FOREIGN KEY ("node_uid","epoch","fence_order","fence_outcome") REFERENCES "public"."fence_report"("node_uid","epoch","order_uid","outcome") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evidence" ADD CONSTRAINT "evidence_device_off" CHECK (case "evidence"."kind" when 'device-off'
        then "evidence"."fence_order" is not null and coalesce("evidence"."fence_outcome" = 'off', false)
        else "evidence"."fence_order" is null and "evidence"."fence_outcome" is null end);