-- Rules and groups are read as a whole, and only when one of them was written since the snapshot before: as for services
-- (0005), but one mark for all of a cluster's. A transaction that writes many of them marks it once.
CREATE FUNCTION note_rules_touched() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  written integer := CASE WHEN TG_OP = 'DELETE' THEN old.cluster_id ELSE new.cluster_id END;
BEGIN
  INSERT INTO rules_touched (cluster_id, touched) VALUES (written, pg_current_xact_id())
  ON CONFLICT (cluster_id) DO UPDATE SET touched = excluded.touched
    WHERE rules_touched.touched <> excluded.touched;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER note_rules_touched AFTER INSERT OR UPDATE OR DELETE ON "rule"
  FOR EACH ROW EXECUTE FUNCTION note_rules_touched();
--> statement-breakpoint
CREATE TRIGGER note_rules_touched AFTER INSERT OR UPDATE OR DELETE ON "node_group"
  FOR EACH ROW EXECUTE FUNCTION note_rules_touched();
