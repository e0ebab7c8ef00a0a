-- No version is left that leaves these columns to the server.
DROP TRIGGER fill_spans ON hansard.sessions;
DROP FUNCTION hansard.fill_spans();
