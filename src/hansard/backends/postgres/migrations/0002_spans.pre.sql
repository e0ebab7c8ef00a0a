-- An append changes the times in a session's row. PostgreSQL then writes an entry into every index of the table, unless
-- nothing has changed that an index holds. So the indexes are made of spans of time, ten seconds or so: what is asked for
-- in the order of a time is read span by span, and each span is sorted. A trigger says the spans for writers of the version
-- before, and goes with them. Nothing waits: the rows that are there are filled by the migration that follows.
ALTER TABLE hansard.sessions
    ADD COLUMN active_in text COLLATE "C",
    ADD COLUMN touched_in bigint,
    ADD COLUMN unread boolean;

CREATE FUNCTION hansard.fill_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.active_in := left(NEW.activity_at, 18);
    NEW.touched_in := NEW.touched_us >> 24;
    NEW.unread := NEW.text_seq < NEW.seq;
    RETURN NEW;
END
$$;

CREATE TRIGGER fill_spans BEFORE INSERT OR UPDATE ON hansard.sessions
    FOR EACH ROW EXECUTE FUNCTION hansard.fill_spans();
