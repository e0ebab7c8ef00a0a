-- Lines of logs.

-- name: after
SELECT seq, line FROM hansard.entries
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq > %(after)s AND seq < %(before)s
ORDER BY seq LIMIT %(most)s

-- name: before
SELECT seq, line FROM hansard.entries
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq > %(after)s AND seq < %(before)s
ORDER BY seq DESC LIMIT %(most)s

-- name: some
SELECT seq, line FROM hansard.entries
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq = ANY (%(seqs)b::bigint[])

-- name: own
SELECT seq, line FROM hansard.entries
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq >= %(first_seq)s
ORDER BY seq

-- name: by_id
SELECT e.seq, e.id, e.line
FROM unnest(%(roots)b::bytea[], %(sessions)b::bytea[], %(lasts)b::bigint[]) AS x (root, session, last)
JOIN hansard.entries e ON e.tenant = %(tenant)s AND e.root = x.root AND e.session = x.session
WHERE e.id = ANY (%(ids)b::bytea[]) AND e.seq <= x.last

-- name: holders
SELECT x.n, i.root, e.line, s.first_seq > 1 AND EXISTS (
        SELECT FROM hansard.entries p
        WHERE p.tenant = i.tenant AND p.root = i.root AND p.session = i.id AND p.seq = 1)
FROM unnest(%(numbers)b::bigint[], %(sessions)b::bytea[], %(lasts)b::bigint[]) AS x (n, session, last)
JOIN hansard.ids i ON i.tenant = %(tenant)s AND i.id = x.session
JOIN hansard.sessions s ON s.tenant = i.tenant AND s.root = i.root AND s.session = i.id
JOIN hansard.entries e ON e.tenant = i.tenant AND e.root = i.root AND e.session = i.id AND e.seq = x.last

-- name: write
UPDATE hansard.entries e SET line = x.line
FROM unnest(%(seqs)b::bigint[], %(lines)b::bytea[]) AS x (seq, line)
WHERE e.tenant = %(tenant)s AND e.root = %(root)s AND e.session = %(session)s AND e.seq = x.seq

-- name: set_aside
WITH gone AS (
    DELETE FROM hansard.entries
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq > %(after)s
    RETURNING seq, line
)
INSERT INTO hansard.quarantine (tenant, root, session, at_us, seq, line)
SELECT %(tenant)s, %(root)s, %(session)s, %(now_us)s, seq, line FROM gone ON CONFLICT DO NOTHING
