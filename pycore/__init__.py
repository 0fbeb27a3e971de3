"""A payment ledger: money that moves in balanced transfers, decided by a deterministic engine, kept by PostgreSQL."""
