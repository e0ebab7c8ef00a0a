-- An append changes the times in a session's row. PostgreSQL then writes an entry into every index of the table, unless
-- nothing has changed that an index holds. So the indexes are made of spans of time, ten seconds or so: what is asked for
-- in the order of a time is read span by span, and each span is sorted. The server fills these columns itself, so writers
-- of the version before go on. The table is rewritten: its sessions wait meanwhile, about 20 seconds for each million.
ALTER TABLE hansard.sessions
    ADD COLUMN active_in text COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(activity_at, 18)) STORED,
    ADD COLUMN touched_in bigint NOT NULL GENERATED ALWAYS AS (touched_us >> 24) STORED,
    ADD COLUMN unread boolean NOT NULL GENERATED ALWAYS AS (text_seq < seq) STORED;

CREATE INDEX sessions_active_in ON hansard.sessions (tenant, listed, active_in, session, root);
CREATE INDEX sessions_user_in ON hansard.sessions (tenant, "user", active_in) WHERE "user" IS NOT NULL;
CREATE INDEX sessions_touched_in ON hansard.sessions (tenant, touched_in);
CREATE INDEX sessions_behind ON hansard.sessions (tenant, session) WHERE unread;
