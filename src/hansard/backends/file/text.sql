-- Full text of one store. Derived from the logs; tokens come ready-cut, so the engine's tokeniser must change none.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- How far each session's log is covered: up to entry `seq`, whose hash is `hash`.
CREATE TABLE sessions (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    unread INTEGER NOT NULL,  -- 1: a part of the log could not be read
    pass INTEGER NOT NULL     -- the comparison of all sessions in which it was last met
);

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
CREATE TABLE calls (n INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (n, id)) WITHOUT ROWID;

CREATE VIRTUAL TABLE said USING fts5 (
    tags, words, content='', contentless_delete=1, tokenize="ascii tokenchars '_+#'"
);
CREATE VIRTUAL TABLE output USING fts5 (
    tags, words, content='', contentless_delete=1, tokenize="ascii tokenchars '_+#'"
);
