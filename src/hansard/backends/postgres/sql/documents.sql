-- The documents of the store itself.

-- name: latest
SELECT version, sha256, size, at FROM hansard.documents
WHERE tenant = %(tenant)s AND document = %(document)s ORDER BY version DESC LIMIT 1

-- name: one
SELECT version, sha256, size, at, data FROM hansard.documents
WHERE tenant = %(tenant)s AND document = %(document)s
    AND (%(version)s::bigint IS NULL OR version = %(version)s::bigint)
ORDER BY version DESC LIMIT 1

-- name: add
INSERT INTO hansard.documents (tenant, document, version, category, name, kind, latest, sha256, size, at, data)
VALUES (%(tenant)s, %(document)s, %(version)s, %(category)s, %(name)s, %(kind)s, true, %(sha256)s, %(size)s, %(at)s,
    %(data)s)

-- name: not_latest
UPDATE hansard.documents SET latest = false
WHERE tenant = %(tenant)s AND document = %(document)s AND latest

-- name: list
SELECT category, name, kind, version, sha256, size, at FROM hansard.documents
WHERE tenant = %(tenant)s AND latest AND sha256 IS NOT NULL

-- name: versions
SELECT version, sha256, size, at FROM hansard.documents
WHERE tenant = %(tenant)s AND document = %(document)s ORDER BY version

-- name: drop_all
DELETE FROM hansard.documents WHERE tenant = %(tenant)s AND document = %(document)s AND NOT latest

-- name: lock
SELECT 1 FROM hansard.documents WHERE tenant = %(tenant)s AND document = %(document)s AND latest FOR UPDATE

-- name: verified
SELECT document, version, category, name, kind, sha256 IS NULL OR coalesce(sha256(data) = sha256, false)
FROM hansard.documents
WHERE tenant = %(tenant)s AND (document, version) > (%(document)s, %(version)s)
ORDER BY document, version LIMIT %(most)s
