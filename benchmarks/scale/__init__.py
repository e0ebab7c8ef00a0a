"""A store in PostgreSQL with a million sessions: what it answers how fast, and what taking half of it away costs."""
