-- The store as a whole.

-- name: probe
INSERT INTO hansard.probes (tenant, probe) VALUES (%(tenant)s, %(probe)s)

-- name: unprobe
DELETE FROM hansard.probes WHERE tenant = %(tenant)s AND probe = %(probe)s

-- name: server
SELECT current_setting('server_version'), current_database(), current_setting('synchronous_commit')

-- name: drop_pairs
DELETE FROM hansard.pairs WHERE tenant = %(tenant)s

-- name: drop_sessions
DELETE FROM hansard.sessions WHERE tenant = %(tenant)s AND root = ANY (%(roots)b::bytea[]) RETURNING session

-- name: drop_entries
-- Of what has no session any more: one that was made a moment ago is there whole, or not at all.
DELETE FROM hansard.entries x WHERE x.tenant = %(tenant)s AND NOT EXISTS (
    SELECT FROM hansard.sessions s WHERE s.tenant = x.tenant AND s.root = x.root AND s.session = x.session)

-- name: drop_attachments
DELETE FROM hansard.attachments x WHERE x.tenant = %(tenant)s AND NOT EXISTS (
    SELECT FROM hansard.sessions s WHERE s.tenant = x.tenant AND s.root = x.root AND s.session = x.session)

-- name: drop_marks
DELETE FROM hansard.marks x WHERE x.tenant = %(tenant)s AND NOT EXISTS (
    SELECT FROM hansard.sessions s WHERE s.tenant = x.tenant AND s.root = x.root AND s.session = x.session)

-- name: drop_forks
DELETE FROM hansard.forks x WHERE x.tenant = %(tenant)s AND NOT EXISTS (
    SELECT FROM hansard.sessions s WHERE s.tenant = x.tenant AND s.root = x.root AND s.session = x.session)

-- name: drop_texts
DELETE FROM hansard.texts x WHERE x.tenant = %(tenant)s AND NOT EXISTS (
    SELECT FROM hansard.sessions s WHERE s.tenant = x.tenant AND s.root = x.root AND s.session = x.session)

-- name: drop_calls
DELETE FROM hansard.calls x WHERE x.tenant = %(tenant)s AND NOT EXISTS (
    SELECT FROM hansard.sessions s WHERE s.tenant = x.tenant AND s.root = x.root AND s.session = x.session)

-- name: drop_documents
DELETE FROM hansard.documents WHERE tenant = %(tenant)s

-- name: drop_quarantine
DELETE FROM hansard.quarantine WHERE tenant = %(tenant)s

-- name: lock_trees
SELECT FROM hansard.sessions WHERE tenant = %(tenant)s AND root = ANY (%(roots)b::bytea[])
ORDER BY root, depth, session FOR UPDATE

-- name: forks
SELECT fork FROM hansard.forks WHERE tenant = %(tenant)s AND root = ANY (%(roots)b::bytea[])

-- name: trees
SELECT s.root, s.session, s.seq, s.hash, s.first_seq, s.fold_version, s.fold, s.state, s.renewed_fence, s.renewed_us,
    s.first_seq > 1 AND (
        SELECT e.seq FROM hansard.entries e
        WHERE e.tenant = s.tenant AND e.root = s.root AND e.session = s.session ORDER BY e.seq LIMIT 1) = 1
FROM hansard.sessions s
WHERE s.tenant = %(tenant)s AND s.root = ANY (%(roots)b::bytea[])
ORDER BY s.root, s.depth, s.session
FOR UPDATE OF s
