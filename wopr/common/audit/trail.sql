-- The functions behind the audit trail's triggers (see triggers.py, which installs them).
--
-- They act as the tables' owner, so that the application's own role needs no right to write what
-- they write.

-- Writes an entry. Arguments: model, key column, secret columns, columns that are noise.
CREATE OR REPLACE FUNCTION wopr_audit_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  secret text[] := string_to_array(TG_ARGV[2], ',');
  noise text[] := string_to_array(TG_ARGV[3], ',');
  about jsonb := coalesce(nullif(current_setting('pghistory.context_metadata', true), ''), '{}');
  old_row jsonb; new_row jsonb; was jsonb; now_is jsonb;
BEGIN
  IF TG_OP IN ('UPDATE', 'DELETE') THEN old_row := to_jsonb(OLD); END IF;
  IF TG_OP IN ('UPDATE', 'INSERT') THEN new_row := to_jsonb(NEW); END IF;
  SELECT jsonb_object_agg(key, CASE WHEN key = ANY(secret) AND value NOT IN ('null', '""')
      THEN '"(secret)"' ELSE value END) INTO was
    FROM jsonb_each(old_row - noise) WHERE TG_OP <> 'UPDATE' OR value <> new_row -> key;
  SELECT jsonb_object_agg(key, CASE WHEN key = ANY(secret) AND value NOT IN ('null', '""')
      THEN '"(secret)"' ELSE value END) INTO now_is
    FROM jsonb_each(new_row - noise) WHERE TG_OP <> 'UPDATE' OR value <> old_row -> key;
  IF TG_OP = 'UPDATE' AND was IS NULL THEN RETURN NULL; END IF;
  INSERT INTO audit_auditentry (at, model, object_id, action, actor, address, via, reason, correlation_id,
      database_user, before, after)
  VALUES (
    clock_timestamp(),
    TG_ARGV[0],
    coalesce(coalesce(new_row, old_row) ->> TG_ARGV[1], ''),
    lower(TG_OP),
    left(coalesce(about ->> 'actor', current_setting('application_name')), 300),
    left(coalesce(about ->> 'address', ''), 64),
    left(coalesce(about ->> 'via', ''), 300),
    coalesce(about ->> 'reason', ''),
    left(coalesce(about ->> 'correlation_id', ''), 64),
    session_user, was, now_is);
  RETURN NULL;
END $$;

-- Queued for the end of the transaction, and there queued once more: a lock that is taken after all
-- checks of foreign keys is never waited for by somebody whom we wait for.
CREATE OR REPLACE FUNCTION wopr_audit_queue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO audit_auditlink (entry_id, digest) VALUES (NEW.id, '');
  RETURN NULL;
END $$;

-- Gives an entry its place. One transaction at a time does, as the last thing before its end. What the
-- digest covers is worked out again, in the same order, by verifying.py.
CREATE OR REPLACE FUNCTION wopr_audit_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  last record; content text;
BEGIN
  PERFORM pg_advisory_xact_lock(7071958);
  SELECT position, digest INTO last FROM audit_auditlink
    WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1;
  SELECT jsonb_build_array(e.id, e.at AT TIME ZONE 'UTC', e.model, e.object_id, e.action, e.actor,
    e.address, e.via, e.reason, e.correlation_id, e.database_user, e.before, e.after)::text INTO content FROM audit_auditentry e WHERE e.id = NEW.entry_id;
  UPDATE audit_auditlink SET position = coalesce(last.position, 0) + 1,
    digest = encode(sha256(convert_to(coalesce(last.digest, '') || content, 'UTF8')), 'hex')
    WHERE entry_id = NEW.entry_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION wopr_audit_keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_auditlink' THEN
    IF to_jsonb(OLD) ->> 'digest' = ''
        AND to_jsonb(OLD) ->> 'entry_id' = to_jsonb(NEW) ->> 'entry_id' THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION 'The audit trail is never changed: no % of %', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
