"""The ledger and the directory in SQL: SQLite for one machine, PostgreSQL for several, the same code on both."""
