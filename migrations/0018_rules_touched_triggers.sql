-- Rules and groups are read as a whole, and only when one of them was written since the snapshot before: as for services
-- (0005), but one mark for all of a cluster's. A transaction that writes many of them marks it once. The mark may go from
-- a higher transaction to a lower one: the last to commit was running in every snapshot that does not show it.
-- Whoever restores a dump does so without a search path.
CREATE FUNCTION mark_rules_touched(written integer) RETURNS void LANGUAGE sql SET search_path FROM CURRENT AS $$
  INSERT INTO rules_touched (cluster_id, touched) VALUES (written, pg_current_xact_id())
  ON CONFLICT (cluster_id) DO UPDATE SET touched = excluded.touched
    WHERE rules_touched.touched <> excluded.touched
$$;
--> statement-breakpoint
CREATE FUNCTION note_rules_touched() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM mark_rules_touched(id) FROM cluster;
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    PERFORM mark_rules_touched(old.cluster_id);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM mark_rules_touched(new.cluster_id);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER note_rules_touched AFTER INSERT OR UPDATE OR DELETE ON "rule"
  FOR EACH ROW EXECUTE FUNCTION note_rules_touched();
--> statement-breakpoint
CREATE TRIGGER note_rules_touched AFTER INSERT OR UPDATE OR DELETE ON "node_group"
  FOR EACH ROW EXECUTE FUNCTION note_rules_touched();
--> statement-breakpoint
CREATE TRIGGER note_rules_truncated AFTER TRUNCATE ON "rule"
  FOR EACH STATEMENT EXECUTE FUNCTION note_rules_touched();
--> statement-breakpoint
CREATE TRIGGER note_rules_truncated AFTER TRUNCATE ON "node_group"
  FOR EACH STATEMENT EXECUTE FUNCTION note_rules_touched();
--> statement-breakpoint
ALTER FUNCTION note_deletion() SET search_path FROM CURRENT;
