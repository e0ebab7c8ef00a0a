-- The text index: pieces of text cut into tokens, behind the logs by what was appended since.

-- name: behind
SELECT root, session, seq, text_seq FROM hansard.sessions
WHERE tenant = %(tenant)s AND unread AND session > %(after)s
ORDER BY session LIMIT %(most)s

-- name: behind_one
SELECT root, session, seq, text_seq FROM hansard.sessions
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND text_seq < seq

-- name: claim
UPDATE hansard.sessions SET text_seq = %(seq)s, unread = seq > %(seq)s
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND text_seq = %(was)s AND seq >= %(seq)s
RETURNING first_seq

-- name: sizes
SELECT seq, octet_length(line) FROM hansard.entries
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq BETWEEN %(first)s AND %(last)s
ORDER BY seq

-- name: calls
SELECT call, seq, name FROM hansard.calls
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND call = ANY (%(calls)b::bytea[])

-- name: add_calls
INSERT INTO hansard.calls (tenant, root, session, call, seq, name)
SELECT %(tenant)s, %(root)s, %(session)s, x.call, x.seq, x.name
FROM unnest(%(calls)b::bytea[], %(seqs)b::bigint[], %(names)b::bytea[]) AS x (call, seq, name)
ON CONFLICT DO NOTHING

-- name: next_piece
SELECT seq, max(piece) FROM hansard.texts
WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND seq = ANY (%(seqs)b::bigint[])
GROUP BY seq

-- name: add
INSERT INTO hansard.texts (tenant, root, session, seq, piece, at_us, tool, words)
SELECT %(tenant)s, %(root)s, %(session)s, x.seq, x.piece, x.at_us, x.tool,
    array_to_tsvector(string_to_array(x.words, E'\x1f'))
FROM unnest(%(seqs)b::bigint[], %(pieces)b::bigint[], %(ats)b::bigint[], %(tools)b::boolean[], %(words)b::text[])
    AS x (seq, piece, at_us, tool, words)

-- name: indexed
SELECT count(*) FROM hansard.sessions WHERE tenant = %(tenant)s AND unread

-- name: heads
SELECT s.root, s.session, s.seq, s.hash, s.first_seq, s.fold_version, s.fold, s.state, s.renewed_fence, s.renewed_us,
    false
FROM unnest(%(roots)b::bytea[], %(sessions)b::bytea[]) AS x (root, session)
JOIN hansard.sessions s ON s.tenant = %(tenant)s AND s.root = x.root AND s.session = x.session

-- name: lines
SELECT x.session, x.seq, e.seq, e.line
FROM unnest(%(roots)b::bytea[], %(sessions)b::bytea[], %(seqs)b::bigint[]) AS x (root, session, seq)
CROSS JOIN LATERAL (
    SELECT seq, line FROM hansard.entries
    WHERE tenant = %(tenant)s AND root = x.root AND session = x.session AND seq <= x.seq
    ORDER BY seq DESC LIMIT 1) AS e

-- name: calls_of
SELECT c.session, c.call, c.seq, c.name
FROM unnest(%(roots)b::bytea[], %(sessions)b::bytea[], %(calls)b::bytea[]) AS x (root, session, call)
JOIN hansard.calls c ON c.tenant = %(tenant)s AND c.root = x.root AND c.session = x.session AND c.call = x.call
