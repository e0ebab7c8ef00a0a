-- From here on writers may put the lines of one append into one row, which no version before this one can read.
COMMENT ON COLUMN hansard.entries.line IS 'one line, or the lines of one append, each with its end';
