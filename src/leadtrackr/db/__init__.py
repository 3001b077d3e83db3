"""Storage: one set of tables and one interface over SQLite and PostgreSQL. Knows no room of the house."""
