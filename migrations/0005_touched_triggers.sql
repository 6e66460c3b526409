-- Every write of a row that a view is made of names its transaction. What a snapshot did not show was written by a
-- transaction not older than that snapshot's xmin: so a reader that remembers the xmin misses nothing.
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.touched := pg_current_xact_id();
  RETURN new;
END $$;
--> statement-breakpoint
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON "service" FOR EACH ROW EXECUTE FUNCTION touch();
--> statement-breakpoint
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON "service_status" FOR EACH ROW EXECUTE FUNCTION touch();
--> statement-breakpoint
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON "run_grant" FOR EACH ROW EXECUTE FUNCTION touch();
--> statement-breakpoint
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON "run_grant_holder" FOR EACH ROW EXECUTE FUNCTION touch();
--> statement-breakpoint
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON "node_report" FOR EACH ROW EXECUTE FUNCTION touch();
--> statement-breakpoint
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON "node_usage" FOR EACH ROW EXECUTE FUNCTION touch();
--> statement-breakpoint
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON "service_deletion" FOR EACH ROW EXECUTE FUNCTION touch();
--> statement-breakpoint
CREATE FUNCTION note_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO service_deletion (cluster_id, sid) VALUES (old.cluster_id, old.sid)
  ON CONFLICT (cluster_id, sid) DO UPDATE SET touched = excluded.touched;
  RETURN old;
END $$;
--> statement-breakpoint
CREATE TRIGGER note_deletion AFTER DELETE ON "service" FOR EACH ROW EXECUTE FUNCTION note_deletion();
--> statement-breakpoint
CREATE TRIGGER note_deletion AFTER DELETE ON "service_status" FOR EACH ROW EXECUTE FUNCTION note_deletion();
--> statement-breakpoint
CREATE TRIGGER note_deletion AFTER DELETE ON "run_grant" FOR EACH ROW EXECUTE FUNCTION note_deletion();
--> statement-breakpoint
CREATE TRIGGER note_deletion AFTER DELETE ON "run_grant_holder" FOR EACH ROW EXECUTE FUNCTION note_deletion();
