-- concurrently
-- The spans of the rows that were there before: some pages at a time, each in a transaction, so that a writer waits for one
-- of them at the longest.
DO $$
    DECLARE
        page bigint := 0;
        pages bigint := pg_relation_size('hansard.sessions') / current_setting('block_size')::bigint;
    BEGIN
        WHILE page < pages LOOP
            UPDATE hansard.sessions SET touched_us = touched_us
            WHERE ctid >= ('(' || page || ',0)')::tid AND ctid < ('(' || (page + 100) || ',0)')::tid
                AND active_in IS NULL;
            COMMIT;
            page := page + 100;
        END LOOP;
    END $$;
-- Seen to be so beside the writers; the lock that says so for good has then nothing left to look at.
ALTER TABLE hansard.sessions DROP CONSTRAINT IF EXISTS has_spans;
ALTER TABLE hansard.sessions ADD CONSTRAINT has_spans
    CHECK (active_in IS NOT NULL AND touched_in IS NOT NULL AND unread IS NOT NULL) NOT VALID;
ALTER TABLE hansard.sessions VALIDATE CONSTRAINT has_spans;
ALTER TABLE hansard.sessions
    ALTER COLUMN active_in SET NOT NULL, ALTER COLUMN touched_in SET NOT NULL, ALTER COLUMN unread SET NOT NULL;
ALTER TABLE hansard.sessions DROP CONSTRAINT has_spans;
-- A build that was cut short leaves an index that is of no use.
DROP INDEX CONCURRENTLY IF EXISTS hansard.sessions_active_in;
CREATE INDEX CONCURRENTLY sessions_active_in ON hansard.sessions (tenant, listed, active_in, session, root);
DROP INDEX CONCURRENTLY IF EXISTS hansard.sessions_user_in;
CREATE INDEX CONCURRENTLY sessions_user_in ON hansard.sessions (tenant, "user", active_in) WHERE "user" IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS hansard.sessions_touched_in;
CREATE INDEX CONCURRENTLY sessions_touched_in ON hansard.sessions (tenant, touched_in);
DROP INDEX CONCURRENTLY IF EXISTS hansard.sessions_behind;
CREATE INDEX CONCURRENTLY sessions_behind ON hansard.sessions (tenant, session) WHERE unread;
-- Who has a mark is read from the index alone.
DROP INDEX CONCURRENTLY IF EXISTS hansard.marks_holders;
CREATE INDEX CONCURRENTLY marks_holders ON hansard.marks (tenant, mark, session, root);
