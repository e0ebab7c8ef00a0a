-- concurrently
-- What runs, and what belongs to a project, is found without a walk through all that was active since.
DROP INDEX CONCURRENTLY IF EXISTS hansard.sessions_status_in;
CREATE INDEX CONCURRENTLY sessions_status_in ON hansard.sessions (tenant, status, active_in) WHERE status IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS hansard.sessions_project_in;
CREATE INDEX CONCURRENTLY sessions_project_in ON hansard.sessions (tenant, project, active_in) WHERE project IS NOT NULL;
