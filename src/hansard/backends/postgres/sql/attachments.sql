-- Files beside sessions, by the hash of their content.

-- name: keep
INSERT INTO hansard.attachments (tenant, root, session, sha256, at_us, data)
SELECT s.tenant, s.root, s.session, %(sha256)s, %(now_us)s, %(data)b
FROM (
    SELECT tenant, root, session FROM hansard.sessions
    WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s FOR KEY SHARE
) AS s
ON CONFLICT (tenant, root, session, sha256) DO UPDATE SET at_us = excluded.at_us
RETURNING 1

-- name: one
SELECT a.data FROM hansard.attachments a
JOIN unnest(%(roots)b::bytea[], %(sessions)b::bytea[]) AS x (root, session) ON a.root = x.root AND a.session = x.session
WHERE a.tenant = %(tenant)s AND a.sha256 = %(sha256)s
LIMIT 1

-- name: verified
SELECT a.sha256, bool_or(sha256(a.data) = a.sha256) FROM hansard.attachments a
JOIN unnest(%(roots)b::bytea[], %(sessions)b::bytea[]) AS x (root, session) ON a.root = x.root AND a.session = x.session
WHERE a.tenant = %(tenant)s AND a.sha256 = ANY (%(names)b::bytea[])
GROUP BY a.sha256

-- name: drop
DELETE FROM hansard.attachments a
USING unnest(%(roots)b::bytea[], %(sessions)b::bytea[]) AS x (root, session)
WHERE a.tenant = %(tenant)s AND a.root = x.root AND a.session = x.session AND a.sha256 = ANY (%(names)b::bytea[])
RETURNING a.sha256

-- name: drop_old
DELETE FROM hansard.attachments a
WHERE a.tenant = %(tenant)s AND a.root = %(root)s AND a.session = %(session)s AND a.sha256 = ANY (%(names)b::bytea[])
    AND a.at_us <= %(before_us)s
RETURNING a.sha256

-- name: old
SELECT a.root, a.session, a.sha256, length(a.data) FROM hansard.attachments a
WHERE a.tenant = %(tenant)s AND a.at_us <= %(before_us)s AND (a.root, a.session, a.sha256) > (%(root)s, %(session)s, %(sha256)s)
ORDER BY a.root, a.session, a.sha256 LIMIT %(most)s
