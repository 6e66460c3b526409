ALTER TABLE "service" ADD COLUMN "adopted_after" bigint;--> statement-breakpoint
-- Of what was added before nobody knows whether a grant came since: its node is asked once more.
UPDATE "service" s SET "adopted_after" = (
  SELECT coalesce(max(h.generation), 0) FROM "run_grant_holder" h
  WHERE h.cluster_id = s.cluster_id AND h.sid = s.sid
) WHERE s.adopted_from IS NOT NULL;
