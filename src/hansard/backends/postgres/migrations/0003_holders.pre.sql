-- concurrently
-- Who has a mark is read from the index alone. A build that was cut short leaves an index that is of no use.
DROP INDEX CONCURRENTLY IF EXISTS hansard.marks_holders;
CREATE INDEX CONCURRENTLY marks_holders ON hansard.marks (tenant, mark, session, root);
