-- The catalogue: one row a session, made from its log. Everything here can be made anew.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Narrow, so that a filter without an index still reads little. Text is without NUL and lone surrogates.
CREATE TABLE sessions (
    n            INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    place        TEXT NOT NULL UNIQUE,
    inode        INTEGER NOT NULL,
    mtime_ns     INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    covered      INTEGER NOT NULL,
    hash         TEXT NOT NULL,
    fold_version INTEGER NOT NULL,
    rev          INTEGER NOT NULL,
    state_sum    BLOB,
    listed       INTEGER NOT NULL,
    kind         TEXT,
    root         TEXT,
    parent       TEXT,
    name         TEXT,
    agent        TEXT,
    user         TEXT,
    project      TEXT,
    slug         TEXT,
    number       INTEGER,
    title        TEXT,
    status       TEXT,
    model        TEXT,
    provider     TEXT,
    pinned       INTEGER NOT NULL,
    damaged      INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    created_at   TEXT NOT NULL,
    updated_at   TEXT NOT NULL,
    activity_at  TEXT NOT NULL,
    touched_us   INTEGER NOT NULL,
    depth        INTEGER NOT NULL,
    message_count INTEGER NOT NULL,
    is_empty     INTEGER NOT NULL,
    is_fork      INTEGER NOT NULL,
    is_error     INTEGER NOT NULL,
    labelled     INTEGER NOT NULL
);

CREATE INDEX by_activity ON sessions (listed, activity_at, id);
CREATE INDEX by_update   ON sessions (listed, updated_at, id);
CREATE INDEX by_creation ON sessions (listed, created_at, id);
CREATE INDEX by_touch    ON sessions (touched_us, id);
CREATE INDEX by_user     ON sessions (user, activity_at, id);
CREATE INDEX by_agent    ON sessions (agent, activity_at, id);
CREATE INDEX by_project  ON sessions (project, activity_at, id);
CREATE INDEX by_status   ON sessions (status, activity_at, id);
CREATE INDEX by_parent   ON sessions (parent) WHERE parent IS NOT NULL;
CREATE INDEX by_root     ON sessions (root);
CREATE INDEX by_rev      ON sessions (rev);
CREATE INDEX by_version  ON sessions (fold_version);

CREATE TABLE labels (n INTEGER, key TEXT, value TEXT, PRIMARY KEY (n, key)) WITHOUT ROWID;
CREATE INDEX labels_by_key ON labels (key, value);

CREATE TABLE bodies (n INTEGER PRIMARY KEY, info BLOB NOT NULL, fold BLOB NOT NULL);
CREATE TABLE states (n INTEGER PRIMARY KEY, state BLOB NOT NULL);

-- Sessions that went: for whoever follows `rev`.
CREATE TABLE gone (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, place TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX gone_by_rev ON gone (rev);
