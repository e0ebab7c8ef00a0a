-- Trees, forks, deletion.

-- name: mark
INSERT INTO hansard.forks (tenant, root, session, fork) VALUES (%(tenant)s, %(root)s, %(session)s, %(fork)s)
ON CONFLICT DO NOTHING

-- name: forks
SELECT fork FROM hansard.forks
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s ORDER BY fork

-- name: forks_of
SELECT DISTINCT fork FROM hansard.forks
WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[]) ORDER BY fork

-- name: copy_lines
INSERT INTO hansard.entries (tenant, root, session, seq, id, line)
SELECT tenant, %(root)s, %(session)s, seq, id, line FROM hansard.entries
WHERE tenant = %(tenant)s AND root = %(from_root)s AND session = %(from_session)s
    AND seq BETWEEN %(first)s AND %(last)s
ON CONFLICT DO NOTHING

-- name: has_attachments
SELECT 1 FROM hansard.attachments a
JOIN unnest(%(roots)b::bytea[], %(sessions)b::bytea[]) AS x (root, session) ON a.root = x.root AND a.session = x.session
WHERE a.tenant = %(tenant)s LIMIT 1

-- name: copy_attachments
INSERT INTO hansard.attachments (tenant, root, session, sha256, at_us, data)
SELECT a.tenant, %(root)s, %(session)s, a.sha256, a.at_us, a.data FROM hansard.attachments a
JOIN unnest(%(roots)b::bytea[], %(sessions)b::bytea[]) AS x (root, session) ON a.root = x.root AND a.session = x.session
WHERE a.tenant = %(tenant)s AND a.sha256 = ANY (%(needed)b::bytea[])
ON CONFLICT DO NOTHING

-- name: lock_root
SELECT 1 FROM hansard.sessions WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(root)s FOR UPDATE

-- name: tree
SELECT s.root, s.session, s.seq, s.hash, s.first_seq, s.fold_version, s.fold, s.state, s.renewed_fence, s.renewed_us,
    s.first_seq > 1 AND (
        SELECT e.seq FROM hansard.entries e
        WHERE e.tenant = s.tenant AND e.root = s.root AND e.session = s.session ORDER BY e.seq LIMIT 1) = 1,
    s.parent
FROM hansard.sessions s
WHERE s.tenant = %(tenant)s AND s.root = %(root)s
ORDER BY s.depth, s.session

-- name: lock_some
SELECT session FROM hansard.sessions
WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[])
ORDER BY depth, session FOR UPDATE

-- name: drop_ids
DELETE FROM hansard.ids WHERE tenant = %(tenant)s AND id = ANY (%(sessions)b::bytea[])

-- name: drop_sessions
WITH entries AS (
    DELETE FROM hansard.entries
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[])
), attachments AS (
    DELETE FROM hansard.attachments
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[])
), marks AS (
    DELETE FROM hansard.marks
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[])
), forks AS (
    DELETE FROM hansard.forks
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[])
), texts AS (
    DELETE FROM hansard.texts
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[])
), calls AS (
    DELETE FROM hansard.calls
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[])
)
DELETE FROM hansard.sessions
WHERE tenant = %(tenant)s AND root = %(root)s AND session = ANY (%(sessions)b::bytea[])

-- name: roots
SELECT DISTINCT root FROM hansard.sessions WHERE tenant = %(tenant)s AND root > %(after)s ORDER BY root LIMIT %(most)s

-- name: copies
-- Few forks have a copy: which do is looked up once for each, not once for each number.
WITH holders AS MATERIALIZED (
    SELECT s.tenant, s.root, s.session, s.first_seq FROM hansard.sessions s
    WHERE s.tenant = %(tenant)s AND s.is_fork AND s.first_seq > (
        SELECT seq FROM hansard.entries
        WHERE tenant = s.tenant AND root = s.root AND session = s.session ORDER BY seq LIMIT 1)
)
SELECT s.session, x.seq, e.seq, e.line
FROM holders s CROSS JOIN unnest(%(seqs)b::bigint[]) AS x (seq)
CROSS JOIN LATERAL (
    SELECT seq, line FROM hansard.entries
    WHERE tenant = s.tenant AND root = s.root AND session = s.session AND seq <= x.seq
    ORDER BY seq DESC LIMIT 1) AS e
WHERE e.seq < s.first_seq

-- name: root_of
SELECT root FROM hansard.ids WHERE tenant = %(tenant)s AND id = %(session)s
