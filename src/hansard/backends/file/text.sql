-- Full text of one store. Derived from the logs; tokens come ready-cut, so the engine's tokeniser must change none.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- How far each session's log is covered: up to entry `seq`, whose hash is `hash`.
CREATE TABLE sessions (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    clean INTEGER NOT NULL,   -- no row holds what the log's erase entries up to this seq took away
    unread INTEGER NOT NULL,  -- 1: the log could not be read to its end; to be tried again
    pass INTEGER NOT NULL     -- the comparison of all sessions in which it was last met
);
CREATE INDEX sessions_unread ON sessions (unread) WHERE unread = 1;

-- One row a piece of text. Row ids rise with the time of the entry: see textrows.py.
CREATE TABLE places (
    place INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    tool INTEGER NOT NULL     -- 0: its tokens are in `said`, 1: in `output`
);
CREATE INDEX places_by_entry ON places (n, seq);
CREATE INDEX places_by_tool ON places (tool);

-- Which tool a call was for, so that its result, which may come much later, is found by it.
-- Bytes, since a log may hold text that SQLite can't.
CREATE TABLE calls (
    n INTEGER NOT NULL, id BLOB NOT NULL, seq INTEGER NOT NULL, name BLOB NOT NULL, PRIMARY KEY (n, id)
) WITHOUT ROWID;

CREATE VIRTUAL TABLE said USING fts5 (
    tags, words, content='', contentless_delete=1, tokenize="ascii tokenchars '_+#'"
);
CREATE VIRTUAL TABLE output USING fts5 (
    tags, words, content='', contentless_delete=1, tokenize="ascii tokenchars '_+#'"
);
