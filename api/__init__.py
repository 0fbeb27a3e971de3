"""The server: the ledger over gRPC and HTTP. It holds no business rule; those live in :mod:`pycore`."""
