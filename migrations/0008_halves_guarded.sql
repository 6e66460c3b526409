-- A live move adds a second holder to the open grant, on another node and under a number of its own; never a third.
CREATE OR REPLACE FUNCTION holder_insert_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  others bigint;
BEGIN
  new.grant_generation = coalesce(new.grant_generation, new.generation);
  IF NOT EXISTS (
    SELECT FROM lease l
    WHERE l.node_uid = new.node_uid AND l.epoch = new.epoch AND l.boot_id IS NOT NULL
      AND l.lease_until > clock_timestamp()
  ) THEN
    RAISE EXCEPTION 'a grant is opened only under a current lease (service %, node %, epoch %)',
      new.sid, new.node_uid, new.epoch;
  END IF;
  -- Locked, so that two halves are never added at a time.
  PERFORM FROM run_grant g
    WHERE g.cluster_id = new.cluster_id AND g.sid = new.sid AND g.generation = new.grant_generation
      AND g.closed_at IS NULL
    FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'only an open grant gets a holder (service %, generation %)',
      new.sid, new.grant_generation;
  END IF;
  IF EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid AND h.generation >= new.generation
  ) THEN
    RAISE EXCEPTION 'a number is never used twice, nor one below (service %, generation %)',
      new.sid, new.generation;
  END IF;
  SELECT count(*) INTO others FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid
      AND h.grant_generation = new.grant_generation AND h.closed_at IS NULL;
  IF new.generation <> new.grant_generation AND others <> 1 THEN
    RAISE EXCEPTION 'a grant is shared by one holder with one other (service %, % hold it)',
      new.sid, others;
  END IF;
  IF EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid AND h.node_uid = new.node_uid
      AND h.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'a node holds a service once (service %, node %)', new.sid, new.node_uid;
  END IF;
  RETURN new;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION holder_update_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF old.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a closed holder is history (service %, generation %)', old.sid, old.generation;
  END IF;
  IF (new.generation, new.grant_generation, new.node_uid)
    IS DISTINCT FROM (old.generation, old.grant_generation, old.node_uid) THEN
    RAISE EXCEPTION 'a holder keeps its number, its grant and its node (service %)', old.sid;
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
CREATE OR REPLACE FUNCTION grant_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF old.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a closed grant is history (service %, generation %)', old.sid, old.generation;
  END IF;
  IF new.closed_at IS NOT NULL AND EXISTS (
    SELECT FROM run_grant_holder h
    WHERE h.cluster_id = new.cluster_id AND h.sid = new.sid
      AND h.grant_generation = new.generation AND h.closed_at IS NULL
  ) THEN
    RAISE EXCEPTION 'a grant closes after each of its holders (service %, generation %)', new.sid, new.generation;
  END IF;
  RETURN new;
END $$;
