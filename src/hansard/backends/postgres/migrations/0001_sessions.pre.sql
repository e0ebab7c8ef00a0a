-- Sessions, their lines, and what belongs to them. Ids are bytea: an id may hold a NUL, which text can't. Bytes of UTF-8
-- sort as code points do, so every order is that of the other backends. Each key begins with what a cluster shards by.

CREATE TABLE hansard.ids (
    tenant bytea NOT NULL,
    id bytea NOT NULL,
    root bytea NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- The last number that an (agent, user) was given; it stays when the session goes. `pair` is a hash of the two.
CREATE TABLE hansard.pairs (
    tenant bytea NOT NULL,
    pair bytea NOT NULL,
    agent text,
    "user" text,
    number bigint NOT NULL,
    PRIMARY KEY (tenant, pair)
);

-- The head of each log, the fold of the log up to it, and what of it is filtered and sorted by. Text is stored without
-- NUL and lone surrogates, cut to 200 characters; whoever filters checks against the fold what the column can't tell.
CREATE TABLE hansard.sessions (
    tenant bytea NOT NULL,
    root bytea NOT NULL,
    session bytea NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    first_seq bigint NOT NULL,
    fold_version integer NOT NULL,
    fold bytea NOT NULL,
    state bytea,
    text_seq bigint NOT NULL DEFAULT 0,
    renewed_fence bigint NOT NULL DEFAULT 0,
    renewed_us bigint NOT NULL DEFAULT 0,
    listed boolean NOT NULL,
    kind text COLLATE "C" NOT NULL,
    parent bytea,
    name text COLLATE "C",
    agent text COLLATE "C",
    "user" text COLLATE "C",
    project text COLLATE "C",
    slug text COLLATE "C",
    number bigint,
    depth bigint NOT NULL,
    title text COLLATE "C",
    title_key bytea NOT NULL,
    status text COLLATE "C",
    model text COLLATE "C",
    provider text COLLATE "C",
    pinned boolean NOT NULL,
    damaged boolean NOT NULL,
    is_empty boolean NOT NULL,
    is_fork boolean NOT NULL,
    is_error boolean NOT NULL,
    message_count bigint NOT NULL,
    entry_count bigint NOT NULL,
    size bigint NOT NULL,
    created_at text COLLATE "C" NOT NULL,
    updated_at text COLLATE "C" NOT NULL,
    activity_at text COLLATE "C" NOT NULL,
    touched_us bigint NOT NULL,
    active_in text COLLATE "C" NOT NULL,
    touched_in bigint NOT NULL,
    unread boolean NOT NULL,
    PRIMARY KEY (tenant, root, session)
) WITH (fillfactor = 80);

-- No index holds what most appends change: then they write into no index of this table. What is sorted by a time is read
-- by spans of that time, and each span is sorted. Who writes `activity_at`, `touched_us`, `seq` or `text_seq` writes
-- `active_in`, `touched_in` and `unread` with it: left(activity_at, 18), touched_us >> 24, text_seq < seq.
CREATE INDEX sessions_active_in ON hansard.sessions (tenant, listed, active_in, session, root);
CREATE INDEX sessions_user_in ON hansard.sessions (tenant, "user", active_in) WHERE "user" IS NOT NULL;
CREATE INDEX sessions_status_in ON hansard.sessions (tenant, status, active_in) WHERE status IS NOT NULL;
CREATE INDEX sessions_project_in ON hansard.sessions (tenant, project, active_in) WHERE project IS NOT NULL;
CREATE INDEX sessions_touched_in ON hansard.sessions (tenant, touched_in);
CREATE INDEX sessions_number ON hansard.sessions (tenant, coalesce(agent, ''), coalesce("user", ''), number)
    WHERE number IS NOT NULL;
CREATE INDEX sessions_parent ON hansard.sessions (tenant, parent, session) WHERE parent IS NOT NULL;
CREATE INDEX sessions_forks ON hansard.sessions (tenant, session) WHERE is_fork;
CREATE INDEX sessions_behind ON hansard.sessions (tenant, session) WHERE unread;
CREATE INDEX sessions_stale ON hansard.sessions (tenant, fold_version) WHERE fold_version < 1;

-- One mark for each label and for each key and value of the metadata: the first 8 bytes of a hash.
CREATE TABLE hansard.marks (
    tenant bytea NOT NULL,
    root bytea NOT NULL,
    session bytea NOT NULL,
    mark bigint NOT NULL,
    PRIMARY KEY (tenant, root, session, mark)
);

CREATE INDEX marks_holders ON hansard.marks (tenant, mark, session, root);

-- The lines, byte for byte, each with its end; those of one append may share a row. `seq` is the first line's, `id` its
-- entry's, or where there are more what all their ids share. Of a fork whose origin is gone, the lines before its own
-- first are here too.
CREATE TABLE hansard.entries (
    tenant bytea NOT NULL,
    root bytea NOT NULL,
    session bytea NOT NULL,
    seq bigint NOT NULL,
    id bytea NOT NULL,
    line bytea NOT NULL,
    PRIMARY KEY (tenant, root, session, seq),
    UNIQUE (tenant, root, session, id)
);

-- Where the server was built with it: lines go in and out quicker. What is stored otherwise stays as it is.
DO $$
BEGIN
    ALTER TABLE hansard.entries ALTER COLUMN line SET COMPRESSION lz4;
EXCEPTION
    WHEN feature_not_supported THEN RAISE DEBUG 'this server has no lz4, lines are compressed as it does by default';
END
$$;

-- Which forks continue a session's own lines.
CREATE TABLE hansard.forks (
    tenant bytea NOT NULL,
    root bytea NOT NULL,
    session bytea NOT NULL,
    fork bytea NOT NULL,
    PRIMARY KEY (tenant, root, session, fork)
);

CREATE TABLE hansard.attachments (
    tenant bytea NOT NULL,
    root bytea NOT NULL,
    session bytea NOT NULL,
    sha256 bytea NOT NULL,
    at_us bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (tenant, root, session, sha256)
);

ALTER TABLE hansard.attachments ALTER COLUMN data SET STORAGE EXTERNAL;

-- Pieces of text, ready-cut into tokens. `words` holds no positions: phrases are checked against the line.
CREATE TABLE hansard.texts (
    tenant bytea NOT NULL,
    root bytea NOT NULL,
    session bytea NOT NULL,
    seq bigint NOT NULL,
    piece integer NOT NULL,
    at_us bigint NOT NULL,
    tool boolean NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (tenant, root, session, seq, piece)
);

CREATE INDEX texts_words ON hansard.texts USING gin (words);
CREATE INDEX texts_newest ON hansard.texts (tenant, tool, at_us DESC, session, seq DESC);

-- The tool that a call was for; `call` is a hash of its id.
CREATE TABLE hansard.calls (
    tenant bytea NOT NULL,
    root bytea NOT NULL,
    session bytea NOT NULL,
    call bytea NOT NULL,
    seq bigint NOT NULL,
    name bytea NOT NULL,
    PRIMARY KEY (tenant, root, session, call)
);

-- The store's own documents: every version, a deletion being one without content.
CREATE TABLE hansard.documents (
    tenant bytea NOT NULL,
    document bytea NOT NULL,
    version bigint NOT NULL,
    category bytea NOT NULL,
    name bytea NOT NULL,
    kind bytea NOT NULL,
    latest boolean NOT NULL,
    sha256 bytea,
    size bigint NOT NULL,
    at text NOT NULL,
    data bytea,
    PRIMARY KEY (tenant, document, version)
);

-- What a repair set aside.
CREATE TABLE hansard.quarantine (
    tenant bytea NOT NULL,
    root bytea NOT NULL,
    session bytea NOT NULL,
    at_us bigint NOT NULL,
    seq bigint NOT NULL,
    line bytea NOT NULL,
    PRIMARY KEY (tenant, root, session, at_us, seq)
);

CREATE TABLE hansard.probes (
    tenant bytea NOT NULL,
    probe bytea NOT NULL,
    PRIMARY KEY (tenant, probe)
);
