-- Heads of logs: read, locked, made, moved on.

-- name: head
SELECT s.root, s.session, s.seq, s.hash, s.first_seq, s.fold_version, s.fold, s.state, s.renewed_fence, s.renewed_us,
    s.first_seq > 1 AND (
        SELECT e.seq FROM hansard.entries e
        WHERE e.tenant = s.tenant AND e.root = s.root AND e.session = s.session ORDER BY e.seq LIMIT 1) = 1
FROM hansard.ids i JOIN hansard.sessions s ON s.tenant = i.tenant AND s.root = i.root AND s.session = i.id
WHERE i.tenant = %(tenant)s AND i.id = %(session)s

-- name: lock
SELECT s.root, s.session, s.seq, s.hash, s.first_seq, s.fold_version, s.fold, s.state, s.renewed_fence, s.renewed_us,
    s.first_seq > 1 AND (
        SELECT e.seq FROM hansard.entries e
        WHERE e.tenant = s.tenant AND e.root = s.root AND e.session = s.session ORDER BY e.seq LIMIT 1) = 1
FROM hansard.sessions s
WHERE s.tenant = %(tenant)s AND s.root = %(root)s AND s.session = %(session)s
FOR UPDATE OF s

-- name: place
SELECT s.seq, s.hash, s.fold_version
FROM hansard.ids i JOIN hansard.sessions s ON s.tenant = i.tenant AND s.root = i.root AND s.session = i.id
WHERE i.tenant = %(tenant)s AND i.id = %(session)s

-- name: root
SELECT root FROM hansard.ids WHERE tenant = %(tenant)s AND id = %(session)s

-- name: settle
UPDATE hansard.sessions SET hash = hash
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s

-- name: append_row
WITH moved AS (
    UPDATE hansard.sessions SET
        seq = %(seq)s, hash = %(hash)b, fold_version = %(fold_version)s, fold = %(fold)b,
        message_count = %(message_count)s, entry_count = %(entry_count)s, size = %(size)s,
        updated_at = %(updated_at)s, activity_at = %(activity_at)s, touched_us = %(touched_us)s,
        active_in = left(%(activity_at)s, 18), touched_in = %(touched_us)s >> 24, unread = true
    WHERE tenant = %(tenant)b AND root = %(root)b AND session = %(session)b
        AND seq = %(was_seq)s AND hash = %(was_hash)b AND fold_version = %(was_version)s
    RETURNING tenant, root, session
)
INSERT INTO hansard.entries (tenant, root, session, seq, id, line)
SELECT moved.tenant, moved.root, moved.session, %(first)s, %(key)b, %(line)b FROM moved

-- name: append_rows
WITH moved AS (
    UPDATE hansard.sessions SET
        seq = %(seq)s, hash = %(hash)b, fold_version = %(fold_version)s, fold = %(fold)b,
        message_count = %(message_count)s, entry_count = %(entry_count)s, size = %(size)s,
        updated_at = %(updated_at)s, activity_at = %(activity_at)s, touched_us = %(touched_us)s,
        active_in = left(%(activity_at)s, 18), touched_in = %(touched_us)s >> 24, unread = true
    WHERE tenant = %(tenant)b AND root = %(root)b AND session = %(session)b
        AND seq = %(was_seq)s AND hash = %(was_hash)b AND fold_version = %(was_version)s
    RETURNING tenant, root, session
)
INSERT INTO hansard.entries (tenant, root, session, seq, id, line)
SELECT moved.tenant, moved.root, moved.session, x.seq, x.id, x.line
FROM moved, unnest(%(seqs)b::bigint[], %(ids)b::bytea[], %(lines)b::bytea[]) AS x (seq, id, line)

-- name: append
WITH known AS (
    SELECT e.line FROM unnest(%(given)b::bytea[]) AS g (id)
    CROSS JOIN LATERAL (
        SELECT id, line FROM hansard.entries
        WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND id >= g.id
        ORDER BY id LIMIT 1) AS e
    WHERE e.id = g.id
), moved AS (
    UPDATE hansard.sessions SET
        seq = %(seq)s, hash = %(hash)b, fold_version = %(fold_version)s, fold = %(fold)b,
        state = CASE WHEN %(new_state)s THEN %(state)b ELSE state END,
        agent = %(agent)s, "user" = %(user)s, project = %(project)s, slug = %(slug)s, title = %(title)s,
        title_key = %(title_key)b, status = %(status)s, model = %(model)s, provider = %(provider)s,
        pinned = %(pinned)s, damaged = false, is_empty = %(is_empty)s, is_error = %(is_error)s,
        message_count = %(message_count)s, entry_count = %(entry_count)s, size = %(size)s,
        updated_at = %(updated_at)s, activity_at = %(activity_at)s, touched_us = %(touched_us)s,
        active_in = left(%(activity_at)s, 18), touched_in = %(touched_us)s >> 24, unread = true
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s
        AND seq = %(was_seq)s AND hash = %(was_hash)b AND fold_version = %(was_version)s
        AND NOT EXISTS (SELECT FROM known)
    RETURNING 1 AS one
), added AS (
    INSERT INTO hansard.entries (tenant, root, session, seq, id, line)
    SELECT %(tenant)s, %(root)s, %(session)s, x.seq, x.id, x.line
    FROM moved, unnest(%(seqs)b::bigint[], %(ids)b::bytea[], %(lines)b::bytea[]) AS x (seq, id, line)
)
SELECT (SELECT count(*) FROM moved), NULL
UNION ALL
SELECT 0, line FROM known

-- name: make
INSERT INTO hansard.sessions (
    tenant, root, session, seq, hash, first_seq, fold_version, fold, state, listed, kind, parent, name, agent, "user",
    project, slug, number, depth, title, title_key, status, model, provider, pinned, damaged, is_empty, is_fork,
    is_error, message_count, entry_count, size, created_at, updated_at, activity_at, touched_us, text_seq, active_in,
    touched_in, unread)
VALUES (
    %(tenant)s, %(root)s, %(session)s, %(seq)s, %(hash)b, %(first_seq)s, %(fold_version)s, %(fold)b, %(state)b,
    %(listed)s, %(kind)s, %(parent)s, %(name)s, %(agent)s, %(user)s, %(project)s, %(slug)s, %(number)s, %(depth)s,
    %(title)s, %(title_key)b, %(status)s, %(model)s, %(provider)s, %(pinned)s, %(damaged)s, %(is_empty)s, %(is_fork)s,
    %(is_error)s, %(message_count)s, %(entry_count)s, %(size)s, %(created_at)s, %(updated_at)s, %(activity_at)s,
    %(touched_us)s, %(first_seq)s::bigint - 1, left(%(activity_at)s, 18), %(touched_us)s::bigint >> 24, true)

-- name: put
UPDATE hansard.sessions SET
    seq = %(seq)s, hash = %(hash)b, fold_version = %(fold_version)s, fold = %(fold)b, state = %(state)b,
    text_seq = CASE WHEN %(reread)s THEN first_seq - 1 ELSE least(text_seq, %(seq)s) END,
    listed = %(listed)s, kind = %(kind)s, parent = %(parent)s, name = %(name)s, agent = %(agent)s, "user" = %(user)s,
    project = %(project)s, slug = %(slug)s, number = %(number)s, depth = %(depth)s, title = %(title)s,
    title_key = %(title_key)b, status = %(status)s, model = %(model)s, provider = %(provider)s, pinned = %(pinned)s,
    damaged = %(damaged)s, is_empty = %(is_empty)s, is_fork = %(is_fork)s, is_error = %(is_error)s,
    message_count = %(message_count)s, entry_count = %(entry_count)s, size = %(size)s, created_at = %(created_at)s,
    updated_at = %(updated_at)s, activity_at = %(activity_at)s, touched_us = %(touched_us)s,
    active_in = left(%(activity_at)s, 18), touched_in = %(touched_us)s::bigint >> 24,
    unread = CASE WHEN %(reread)s THEN first_seq - 1 ELSE text_seq END < %(seq)s
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s

-- name: add_lines
INSERT INTO hansard.entries (tenant, root, session, seq, id, line)
SELECT %(tenant)s, %(root)s, %(session)s, x.seq, x.id, x.line
FROM unnest(%(seqs)b::bigint[], %(ids)b::bytea[], %(lines)b::bytea[]) AS x (seq, id, line)

-- name: reserve
INSERT INTO hansard.ids (tenant, id, root) VALUES (%(tenant)s, %(session)s, %(root)s) ON CONFLICT DO NOTHING RETURNING 1

-- name: drop_marks
DELETE FROM hansard.marks WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s

-- name: drop_texts
DELETE FROM hansard.texts WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s

-- name: drop_calls
DELETE FROM hansard.calls WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s

-- name: holders
SELECT x.mark, (
    SELECT count(*) FROM (
        SELECT 1 FROM hansard.marks m WHERE m.tenant = %(tenant)s AND m.mark = x.mark LIMIT %(most)s) AS few)
FROM unnest(%(marks)b::bigint[]) AS x (mark)

-- name: horizon
SELECT active_in FROM hansard.sessions WHERE tenant = %(tenant)s AND listed
ORDER BY active_in DESC OFFSET %(most)s LIMIT 1

-- name: add_marks
INSERT INTO hansard.marks (tenant, root, session, mark)
SELECT %(tenant)s, %(root)s, %(session)s, x FROM unnest(%(marks)b::bigint[]) AS x ON CONFLICT DO NOTHING

-- name: number
INSERT INTO hansard.pairs (tenant, pair, agent, "user", number)
VALUES (%(tenant)s, %(pair)s, %(agent)s, %(user)s, %(number)s)
ON CONFLICT (tenant, pair) DO UPDATE SET number = greatest(hansard.pairs.number, excluded.number)
RETURNING number

-- name: next_number
UPDATE hansard.pairs SET number = number + 1 WHERE tenant = %(tenant)s AND pair = %(pair)s RETURNING number

-- name: of_pair
SELECT s.root, s.session, s.seq, s.hash, s.first_seq, s.fold_version, s.fold, s.state, s.renewed_fence, s.renewed_us,
    false, s.number
FROM hansard.sessions s
WHERE s.tenant = %(tenant)s AND coalesce(s.agent, '') = coalesce(%(agent)s::text, '')
    AND coalesce(s."user", '') = coalesce(%(user)s::text, '') AND s.number IS NOT NULL AND s.parent IS NULL
    AND (%(number)s::bigint IS NULL OR (s.number, s.session) < (%(number)s::bigint, %(session)s))
ORDER BY s.number DESC, s.session DESC LIMIT %(most)s

-- name: residents
SELECT s.root, s.session, s.seq, s.hash, s.first_seq, s.fold_version, s.fold, s.state, s.renewed_fence, s.renewed_us,
    false
FROM hansard.sessions s
WHERE s.tenant = %(tenant)s AND s.root = %(root)s AND s.name = %(name)s

-- name: renew
UPDATE hansard.sessions SET renewed_fence = %(fence)s, renewed_us = %(now_us)s
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s
    AND seq = %(was_seq)s AND hash = %(was_hash)b
RETURNING 1

-- name: stale
SELECT root, session FROM hansard.sessions
WHERE tenant = %(tenant)s AND fold_version < 1 AND fold_version <> %(damaged)s
LIMIT %(most)s

-- name: all
SELECT root, session FROM hansard.sessions
WHERE tenant = %(tenant)s AND (root, session) > (%(root)s, %(session)s)
ORDER BY root, session LIMIT %(most)s

-- name: has_quarantine
SELECT 1 FROM hansard.quarantine WHERE tenant = %(tenant)s LIMIT 1
