-- Lines of logs. A row holds those of one append, and has the number of the first. Single rows are asked for as the first in
-- an order, which one index alone gives: by equality the planner would take any index of a table that it knows nothing of
-- yet, and read whole sessions.

-- name: after
SELECT seq, line FROM (
    SELECT seq, line, sum(octet_length(line)) FILTER (WHERE seq >= %(first)s)
        OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM hansard.entries
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq >= coalesce((
            SELECT f.seq FROM hansard.entries f
            WHERE f.tenant = %(tenant)s AND f.root = %(root)s AND f.session = %(session)s AND f.seq <= %(first)s
            ORDER BY f.seq DESC LIMIT 1), %(first)s) AND seq <= %(last)s
    ORDER BY seq LIMIT %(most)s) AS found
WHERE coalesce(before, 0) < %(bytes)s ORDER BY seq

-- name: before
SELECT seq, line FROM (
    SELECT seq, line, sum(octet_length(line))
        OVER (ORDER BY seq DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM hansard.entries
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq >= coalesce((
            SELECT f.seq FROM hansard.entries f
            WHERE f.tenant = %(tenant)s AND f.root = %(root)s AND f.session = %(session)s AND f.seq <= %(first)s
            ORDER BY f.seq DESC LIMIT 1), %(first)s) AND seq <= %(last)s
    ORDER BY seq DESC LIMIT %(most)s) AS found
WHERE coalesce(before, 0) < %(bytes)s ORDER BY seq DESC

-- name: some
SELECT x.seq, e.seq, e.line FROM unnest(%(seqs)b::bigint[]) AS x (seq)
CROSS JOIN LATERAL (
    SELECT seq, line FROM hansard.entries
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq <= x.seq
    ORDER BY seq DESC LIMIT 1) AS e

-- name: by_key
SELECT x.last, e.seq, e.line
FROM unnest(%(roots)b::bytea[], %(sessions)b::bytea[], %(lasts)b::bigint[]) AS x (root, session, last)
CROSS JOIN unnest(%(keys)b::bytea[]) AS y (id)
CROSS JOIN LATERAL (
    SELECT seq, id, line FROM hansard.entries
    WHERE tenant = %(tenant)s AND root = x.root AND session = x.session AND id >= y.id
    ORDER BY id LIMIT 1) AS e
WHERE e.id = y.id AND e.seq <= x.last

-- name: holders
SELECT x.n, i.root, x.last, e.seq, e.line, s.first_seq > 1 AND (
        SELECT p.seq FROM hansard.entries p
        WHERE p.tenant = i.tenant AND p.root = i.root AND p.session = i.id ORDER BY p.seq LIMIT 1) = 1
FROM unnest(%(numbers)b::bigint[], %(sessions)b::bytea[], %(lasts)b::bigint[]) AS x (n, session, last)
JOIN hansard.ids i ON i.tenant = %(tenant)s AND i.id = x.session
JOIN hansard.sessions s ON s.tenant = i.tenant AND s.root = i.root AND s.session = i.id
CROSS JOIN LATERAL (
    SELECT seq, line FROM hansard.entries
    WHERE tenant = i.tenant AND root = i.root AND session = i.id AND seq <= x.last
    ORDER BY seq DESC LIMIT 1) AS e

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
