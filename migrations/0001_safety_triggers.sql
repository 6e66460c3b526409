-- What the safety contract demands of the schema and Drizzle cannot say.
-- Each function raises with a sentence; a violation is a bug of the control plane, never of an operator.

-- Renewals rewrite one small row again and again: leave room for HOT updates.
ALTER TABLE "lease" SET (fillfactor = 40);
--> statement-breakpoint
CREATE FUNCTION lease_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.epoch < old.epoch THEN
    RAISE EXCEPTION 'lease epochs never go back (node %: % to %)', old.node_uid, old.epoch, new.epoch;
  END IF;
  IF new.lease_until < old.lease_until THEN
    RAISE EXCEPTION 'a fence deadline never moves back (node %)', old.node_uid;
  END IF;
  IF new.epoch = old.epoch AND old.boot_id IS NOT NULL AND new.boot_id IS DISTINCT FROM old.boot_id THEN
    RAISE EXCEPTION 'a lease epoch belongs to one boot (node %, epoch %)', old.node_uid, old.epoch;
  END IF;
  IF new.epoch = old.epoch AND new.boot_id = old.boot_id AND new.seq < old.seq THEN
    RAISE EXCEPTION 'lease sequence numbers never go back (node %)', old.node_uid;
  END IF;
  IF old.boot_id IS NULL AND new.boot_id IS NOT NULL AND EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.node_uid = new.node_uid AND h.closed_at IS NULL AND h.epoch <> new.epoch
  ) THEN
    RAISE EXCEPTION 'node % gets no new lease epoch while grants of older ones are open', new.node_uid;
  END IF;
  RETURN new;
END $$;
--> statement-breakpoint
CREATE TRIGGER lease_guard BEFORE UPDATE ON "lease" FOR EACH ROW EXECUTE FUNCTION lease_guard();
--> statement-breakpoint
CREATE FUNCTION holder_insert_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM lease l
    WHERE l.node_uid = new.node_uid AND l.epoch = new.epoch AND l.boot_id IS NOT NULL
      AND l.lease_until > clock_timestamp()
  ) THEN
    RAISE EXCEPTION 'a grant is opened only under a current lease (service %, node %, epoch %)',
      new.sid, new.node_uid, new.epoch;
  END IF;
  IF NOT EXISTS (
    SELECT FROM run_grant g
    WHERE g.cluster_id = new.cluster_id AND g.sid = new.sid AND g.generation = new.generation
      AND g.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'only an open grant gets a holder (service %, generation %)', new.sid, new.generation;
  END IF;
  RETURN new;
END $$;
--> statement-breakpoint
CREATE TRIGGER holder_insert_guard BEFORE INSERT ON "run_grant_holder"
  FOR EACH ROW EXECUTE FUNCTION holder_insert_guard();
--> statement-breakpoint
CREATE FUNCTION holder_update_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF old.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a closed holder is history (service %, generation %)', old.sid, old.generation;
  END IF;
  IF new.epoch < old.epoch THEN
    RAISE EXCEPTION 'a holder is adopted into a newer epoch only (service %)', old.sid;
  END IF;
  IF new.confirmed_at IS NULL AND old.confirmed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a confirm is never taken back (service %)', old.sid;
  END IF;
  RETURN new;
END $$;
--> statement-breakpoint
CREATE TRIGGER holder_update_guard BEFORE UPDATE ON "run_grant_holder"
  FOR EACH ROW EXECUTE FUNCTION holder_update_guard();
--> statement-breakpoint
CREATE FUNCTION grant_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF old.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a closed grant is history (service %, generation %)', old.sid, old.generation;
  END IF;
  IF new.closed_at IS NOT NULL AND EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid AND h.generation = new.generation
      AND h.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'a grant closes after each of its holders (service %, generation %)', new.sid, new.generation;
  END IF;
  RETURN new;
END $$;
--> statement-breakpoint
CREATE TRIGGER grant_guard BEFORE UPDATE ON "run_grant" FOR EACH ROW EXECUTE FUNCTION grant_guard();
--> statement-breakpoint
CREATE FUNCTION no_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never deleted', tg_table_name;
END $$;
--> statement-breakpoint
CREATE TRIGGER no_delete BEFORE DELETE ON "lease" FOR EACH ROW EXECUTE FUNCTION no_delete();
--> statement-breakpoint
CREATE TRIGGER no_delete BEFORE DELETE ON "node" FOR EACH ROW EXECUTE FUNCTION no_delete();
--> statement-breakpoint
CREATE FUNCTION prune_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF old.closed_at IS NULL THEN
    RAISE EXCEPTION 'an open % is closed by evidence, never deleted (service %)', tg_table_name, old.sid;
  END IF;
  RETURN old;
END $$;
--> statement-breakpoint
CREATE TRIGGER prune_guard BEFORE DELETE ON "run_grant" FOR EACH ROW EXECUTE FUNCTION prune_guard();
--> statement-breakpoint
CREATE TRIGGER prune_guard BEFORE DELETE ON "run_grant_holder" FOR EACH ROW EXECUTE FUNCTION prune_guard();
--> statement-breakpoint
CREATE FUNCTION node_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF old.removed_at IS NULL AND new.removed_at IS NOT NULL AND EXISTS (
    SELECT FROM run_grant_holder h WHERE h.node_uid = new.uid AND h.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'node % cannot be removed while grants on it are open', new.name;
  END IF;
  RETURN new;
END $$;
--> statement-breakpoint
CREATE TRIGGER node_guard BEFORE UPDATE ON "node" FOR EACH ROW EXECUTE FUNCTION node_guard();
--> statement-breakpoint
-- Milliseconds since 1970, as the plane's views carry every time.
CREATE FUNCTION epoch_ms(moment timestamptz) RETURNS double precision
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN extract(epoch FROM moment)::double precision * 1000;
--> statement-breakpoint
CREATE FUNCTION from_epoch_ms(ms double precision) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN to_timestamp(ms / 1000);
--> statement-breakpoint
-- Which history of which server this is, as far as the server knows (rule 9). Raises on a standby: nothing is granted there.
CREATE FUNCTION server_identity(OUT system_id text, OUT timeline text, OUT postmaster_start timestamptz)
  LANGUAGE sql STABLE
  RETURN ROW((SELECT system_identifier::text FROM pg_control_system()),
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), pg_postmaster_start_time());
